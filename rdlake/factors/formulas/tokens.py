"""Split a formula into tokens. LaTeX and plain syntax differ in what a word is."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LENGTH, MAX_TOKENS = 20_000, 4_000


class UnparsedFormula(ValueError):
    """Report that a text is no formula that can be parsed, or can be read in two ways."""


@dataclass(frozen=True, slots=True)
class Token:
    """Hold one token; `kind` is number, name, command or mark."""

    kind: str
    text: str


_NUMBER = r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?(?![^\W_])(?!\.))"
_MARKS = {"−": "-", "×": "*", "·": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!="}
_LATEX = re.compile(
    rf"{_NUMBER}|(?P<called>\\(?:text|textrm|textit|mathrm|mathit|operatorname)\s*\{{(?P<words>"
    r"(?:[^\\{}$]|\\[_ ])*)\})|\\(?P<command>[A-Za-z]+)|(?P<aside>\s+|~|\\[,;:! ])"
    r"|(?P<name>[^\W_]+)|(?P<mark><=|>=|==|!=|[-+*/=<>(),{}\[\]_^−×·÷≤≥≠])"
)
_PLAIN = re.compile(
    rf"{_NUMBER}|(?P<name>\${{0,2}}[^\W\d]\w*)|(?P<aside>\s+)"
    r"|(?P<mark>\*\*|<=|>=|==|!=|[-+*/=<>(),−×·÷≤≥≠])"
)
_ASIDE = {
    "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl",
    "biggr", "Biggl", "Biggr", "quad", "qquad", "displaystyle", "textstyle", "limits", "nolimits",
}  # fmt: skip
_OPERATORS = {
    "cdot": "*", "times": "*", "div": "/", "leq": "<=", "le": "<=", "geq": ">=", "ge": ">=",
    "neq": "!=", "ne": "!=", "lt": "<", "gt": ">",
}  # fmt: skip
_FRACTIONS = ("tfrac", "dfrac", "cfrac")
_SCRIPTED = re.compile(r"([^\W\d_]+)_([^\W\d_]|\d+)")


def is_latex(text: str) -> bool:
    """Return whether the text is read as LaTeX: it has marks that plain syntax does not have."""
    return any(mark in text for mark in "\\{}^")


def split_tokens(text: str) -> list[Token]:
    """Return the tokens of a formula.

    Raise UnparsedFormula for an unknown token and for too many tokens.
    """
    if len(text) > MAX_LENGTH:
        raise UnparsedFormula("too long")
    text = _without_delimiters(text)
    latex, found, at = is_latex(text), list[Token](), 0
    pattern = _LATEX if latex else _PLAIN
    while at < len(text):
        match = pattern.match(text, at)
        if match is None or len(found) > MAX_TOKENS:
            raise UnparsedFormula(f"not understood from character {at}")
        at = match.end()
        kind = match.lastgroup or ""
        if kind == "command":
            found += _command(match["command"])
        elif kind == "called":
            found.append(Token("name", _text_name(match["words"])))
        elif kind == "mark":
            found.append(Token("mark", _MARKS.get(match["mark"], match["mark"])))
        elif kind == "name" and not latex:
            found += _plain_name(match["name"])
        elif kind != "aside":
            found.append(Token(kind, match[kind]))
    return found


def _command(name: str) -> list[Token]:
    if name in _ASIDE:
        return []
    if name in _OPERATORS:
        return [Token("mark", _OPERATORS[name])]
    return [Token("command", "frac" if name in _FRACTIONS else name)]


def _text_name(words: str) -> str:
    """Return the name inside `\\text{…}`."""
    name = " ".join(words.replace("\\_", "_").replace("\\ ", " ").split())
    if not name:
        raise UnparsedFormula("a text without words")
    return name


def _plain_name(name: str) -> list[Token]:
    """Return P_t as P with the index t, as LaTeX has it.

    A longer name with underscores stays one name.
    """
    if found := _SCRIPTED.fullmatch(name):
        kind = "number" if found[2].isdecimal() else "name"
        return [Token("name", found[1]), Token("mark", "_"), Token(kind, found[2])]
    return [Token("name", name)]


def _without_delimiters(text: str) -> str:
    """Return the formula without the dollar signs or brackets around it."""
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if text.startswith(opening) and text.endswith(closing):
            inner = text[len(opening) : -len(closing)]
            if "$" not in inner:
                return inner
    return text
