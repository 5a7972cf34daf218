"""Parse a formula's tokens into a tree. A formula that can be read in two ways is not parsed at
all."""

from __future__ import annotations

from rdlake.factors.formulas.tokens import Token, UnparsedFormula, is_latex, split_tokens
from rdlake.factors.formulas.tree import (
    Node,
    chain,
    close,
    minus,
    name,
    node,
    number,
    over,
)

MAX_DEPTH = 40
_COMPARED = ("<", ">", "<=", ">=", "==", "!=")
_ACCENTS = frozenset(
    {
        "bar", "overline", "hat", "widehat", "tilde", "widetilde", "vec", "dot", "ddot",
        "underline", "mathbf", "mathcal", "mathbb", "mathsf", "boldsymbol", "bm",
    }
)  # fmt: skip
_OPERATORS = frozenset({"sum", "prod", "int", "lim", "Delta", "nabla", "partial"})
"""Their argument follows, and parentheses do not end it."""
_FUNCTIONS = frozenset(
    {
        "log", "ln", "exp", "max", "min", "sup", "inf", "sin", "cos", "tan", "tanh", "arg",
        "argmax", "argmin",
    }
)  # fmt: skip
"""Their argument may stand in parentheses, which end it."""
_ATOMS = ("name", "number", "call", "script", "command", "group", "bracket", "option")


def parse_formula(text: str) -> str:
    """Return the canonical spelling of a formula; raise UnparsedFormula if there is none."""
    tokens = split_tokens(text)
    if not tokens:
        raise UnparsedFormula("nothing in it")
    parser = _Parser(tokens, latex=is_latex(text))
    whole = parser.equation()
    if parser.at < len(tokens):
        raise UnparsedFormula(f"{parser.next!r} is not expected")
    return whole.text


class _Parser:
    """Read tokens from left to right, one method for each level of precedence."""

    def __init__(self, tokens: list[Token], *, latex: bool) -> None:
        self._tokens, self._latex, self.at, self._depth = tokens, latex, 0, 0

    @property
    def next(self) -> Token | None:
        """Return the next token without taking it; None at the end."""
        return self._tokens[self.at] if self.at < len(self._tokens) else None

    def _sees(self, *marks: str) -> bool:
        """Return whether the next token is one of these marks."""
        return self.next is not None and self.next.kind == "mark" and self.next.text in marks

    def _takes(self, *marks: str) -> str | None:
        """Take the next token if it is one of these marks, and return the mark."""
        if not self._sees(*marks):
            return None
        self.at += 1
        return self._tokens[self.at - 1].text

    def _expects(self, mark: str) -> None:
        """Take this mark, or raise UnparsedFormula."""
        if not self._takes(mark):
            raise UnparsedFormula(f"{mark} is missing")

    def equation(self) -> Node:
        """Parse the whole formula and drop the name on its left-hand side."""
        sides = [self._comparison()]
        while self._takes("="):
            sides.append(self._comparison())
        if len(sides) > 1 and _is_name(sides[0]):
            del sides[0]
        return sides[0] if len(sides) == 1 else node("=", *sides)

    def _comparison(self) -> Node:
        left = self._sum()
        if mark := self._takes(*_COMPARED):
            right = self._sum()
            left = node(mark, left, right, open=left.open or right.open)
            if self._sees(*_COMPARED):
                raise UnparsedFormula("a chain of comparisons")
        return left

    def _sum(self) -> Node:
        parts = [self._signed()]
        while mark := self._takes("+", "-"):
            part = self._product()
            parts.append(minus(part) if mark == "-" else part)
        return chain("sum", parts)

    def _signed(self) -> Node:
        """Parse the first term of a sum; a plus before it means nothing."""
        self._takes("+")
        return self._product()

    def _product(self) -> Node:
        parts = [self._factor()]
        while mark := self._takes("*", "/"):
            parts.append(over(self._factor(alone=True)) if mark == "/" else self._factor())
        return chain("product", parts)

    def _factor(self, *, alone: bool = False) -> Node:
        """Parse one factor with the minus signs before it; `alone` is a denominator."""
        signs = 0
        while self._takes("-"):
            signs += 1
        if signs > MAX_DEPTH:
            raise UnparsedFormula("nested too deep")
        part = self._side_by_side(alone=alone)
        for _ in range(signs):
            part = minus(part)
        return part

    def _side_by_side(self, *, alone: bool) -> Node:
        """Parse atoms without a mark between them: a number times something, or atoms as they
        stand.

        Raise UnparsedFormula for a denominator of several atoms: its end is not clear.
        """
        atoms = [self._atom()]
        while self.next is not None and (self.next.kind != "mark" or self._sees("(", "[", "{")):
            atoms.append(self._atom())
        if alone and (len(atoms) > 1 or _may_be_a_product(atoms[0])):
            raise UnparsedFormula("it is not clear where the denominator ends")
        if len(atoms) == 1:
            return atoms[0]
        if not self._latex or any(after.kind == "number" for after in atoms[1:]):
            raise UnparsedFormula("a mark is missing between two things")
        if all(atom.kind == "number" for atom in atoms[:-1]) and not atoms[-1].open:
            return chain("product", atoms)
        return node("beside", *atoms, open=True)

    def _atom(self) -> Node:
        """Parse one thing with its indexes, powers and arguments."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UnparsedFormula("nested too deep")
        grouped = self._sees("(")
        atom = self._bare()
        while self._sees("_", "^", "**", "("):
            if self._sees("("):
                if grouped or not _is_name(atom):
                    break
                atom = node("call", atom, *self._list("(", ")"))
            elif self._takes("**"):
                atom = _scripted(atom, None, self._factor())
            else:
                atom = self._scripts(atom)
        self._depth -= 1
        return atom

    def _scripts(self, base: Node) -> Node:
        scripts: dict[str, Node] = {}
        while mark := self._takes("_", "^"):
            if mark in scripts:
                raise UnparsedFormula("two of one kind of index")
            scripts[mark] = self._script()
        return _scripted(base, scripts.get("_"), scripts.get("^"))

    def _script(self) -> Node:
        if self._sees("{"):
            return node("list", *inner) if len(inner := self._list("{", "}")) > 1 else inner[0]
        token = self.next
        if token is None or token.kind == "mark" or (token.kind == "name" and len(token.text) > 1):
            raise UnparsedFormula("an index of several letters without braces")
        return self._bare()

    def _bare(self) -> Node:
        """Parse one thing without indexes, powers or arguments."""
        token = self.next
        if token is None:
            raise UnparsedFormula("something is missing at the end")
        if self._sees("("):
            inner = self._list("(", ")")
            return close(inner[0]) if len(inner) == 1 else node("list", *inner)
        if self._sees("["):
            return node("bracket", *self._list("[", "]"))
        if self._sees("{"):
            return self._braced()
        self.at += 1
        if token.kind == "number":
            return number(token.text)
        if token.kind == "name":
            return name(token.text)
        if token.kind == "command":
            return self._command(token.text)
        raise UnparsedFormula(f"{token.text} is not expected")

    def _braced(self) -> Node:
        """Parse a group in braces. Print does not show braces, so they may not decide where it
        ends."""
        inner = self._list("{", "}")
        if len(inner) != 1 or inner[0].kind not in _ATOMS or inner[0].open:
            raise UnparsedFormula("braces where parentheses are meant")
        return inner[0]

    def _command(self, called: str) -> Node:
        if called == "frac":
            above, below = self._argument(), self._argument()
            return close(chain("product", [close(above), over(close(below))]))
        word = name(f"\\{called}")
        if called in _ACCENTS and not self._sees("{"):
            token = self.next
            if token is None or token.kind == "mark" or len(token.text) > 1:
                raise UnparsedFormula(f"what \\{called} is over is not clear")
            return node("command", word, self._bare())
        parts = [word]
        if called == "sqrt" and self._sees("["):
            parts.append(node("option", *self._list("[", "]")))
        while self._sees("{"):
            parts.append(self._argument())
        if len(parts) > 1:
            return node("command", *parts)
        kind = "operator" if called in _OPERATORS else "name"
        return Node(kind, word.text, open=called in _OPERATORS | _FUNCTIONS)

    def _argument(self) -> Node:
        if not self._sees("{"):
            raise UnparsedFormula("an argument without braces")
        return node("list", *inner) if len(inner := self._list("{", "}")) > 1 else inner[0]

    def _list(self, opening: str, closing: str) -> list[Node]:
        """Parse what stands between two marks, separated by commas."""
        self._expects(opening)
        if self._takes(closing):
            raise UnparsedFormula("nothing in between")
        parts = [self._assigned()]
        while self._takes(","):
            parts.append(self._assigned())
        self._expects(closing)
        return parts

    def _assigned(self) -> Node:
        """Parse an assignment, such as i=1 in the index of a sum."""
        left = self._comparison()
        if not self._takes("="):
            return left
        return node("=", left, self._comparison())


def _is_name(part: Node) -> bool:
    return part.kind == "name" or (part.kind == "script" and part.parts[0].kind == "name")


def _may_be_a_product(part: Node) -> bool:
    """Return whether a letter before parentheses may be a factor: a / b(c)."""
    if part.kind == "script":
        part = part.parts[0]
    if part.kind != "call":
        return False
    called = part.parts[0]
    return len((called.parts[0] if called.parts else called).text) <= len('"b"')


_NOTHING = Node("none", "-")


def _scripted(base: Node, below: Node | None, above: Node | None) -> Node:
    """Return a node with index and power; a power of an indexed name joins its index."""
    if base.kind == "script" and below is None and base.parts[2] == _NOTHING:
        base, below, _ = base.parts
    return node("script", base, below or _NOTHING, above or _NOTHING, open=base.open)
