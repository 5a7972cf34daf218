"""A formula's tokens become a tree. What may be read in two ways is not parsed at all."""

from __future__ import annotations

from rdlake.factors.formulas.tokens import Token, Unparsed, is_latex, tokens
from rdlake.factors.formulas.tree import (
    Node,
    chain,
    closed,
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
"""What stands after them is their argument, and parentheses do not end it."""
_FUNCTIONS = frozenset(
    {
        "log", "ln", "exp", "max", "min", "sup", "inf", "sin", "cos", "tan", "tanh", "arg",
        "argmax", "argmin",
    }
)  # fmt: skip
"""Their argument may stand in parentheses, which end it."""
_ATOMS = ("name", "number", "call", "script", "command", "group", "bracket", "option")


def parsed(text: str) -> str:
    """The one spelling of a formula; Unparsed for what is none."""
    found = tokens(text)
    if not found:
        raise Unparsed("nothing in it")
    parser = _Parser(found, latex=is_latex(text))
    whole = parser.equation()
    if parser.at < len(found):
        raise Unparsed(f"{parser.next!r} is not expected")
    return whole.text


class _Parser:
    def __init__(self, found: list[Token], *, latex: bool) -> None:
        self._tokens, self._latex, self.at, self._depth = found, latex, 0, 0

    @property
    def next(self) -> Token | None:
        return self._tokens[self.at] if self.at < len(self._tokens) else None

    def _sees(self, *marks: str) -> bool:
        return self.next is not None and self.next.kind == "mark" and self.next.text in marks

    def _takes(self, *marks: str) -> str | None:
        if not self._sees(*marks):
            return None
        self.at += 1
        return self._tokens[self.at - 1].text

    def _expects(self, mark: str) -> None:
        if not self._takes(mark):
            raise Unparsed(f"{mark} is missing")

    def equation(self) -> Node:
        """A formula, without the name that it is given in front."""
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
                raise Unparsed("a chain of comparisons")
        return left

    def _sum(self) -> Node:
        parts = [self._signed()]
        while mark := self._takes("+", "-"):
            part = self._product()
            parts.append(minus(part) if mark == "-" else part)
        return chain("sum", parts)

    def _signed(self) -> Node:
        """The first of a sum, where a plus says nothing."""
        self._takes("+")
        return self._product()

    def _product(self) -> Node:
        parts = [self._factor()]
        while mark := self._takes("*", "/"):
            parts.append(over(self._factor(alone=True)) if mark == "/" else self._factor())
        return chain("product", parts)

    def _factor(self, *, alone: bool = False) -> Node:
        signs = 0
        while self._takes("-"):
            signs += 1
        if signs > MAX_DEPTH:
            raise Unparsed("nested too deep")
        found = self._side_by_side(alone=alone)
        for _ in range(signs):
            found = minus(found)
        return found

    def _side_by_side(self, *, alone: bool) -> Node:
        """Atoms without a mark between them: a number times something, else as it stands.
        Unparsed when it must stand alone, for it is not clear where a denominator would end."""
        atoms = [self._atom()]
        while self.next is not None and (self.next.kind != "mark" or self._sees("(", "[", "{")):
            atoms.append(self._atom())
        if alone and (len(atoms) > 1 or _may_be_a_product(atoms[0])):
            raise Unparsed("it is not clear where the denominator ends")
        if len(atoms) == 1:
            return atoms[0]
        if not self._latex or any(after.kind == "number" for after in atoms[1:]):
            raise Unparsed("a mark is missing between two things")
        if all(atom.kind == "number" for atom in atoms[:-1]) and not atoms[-1].open:
            return chain("product", atoms)
        return node("beside", *atoms, open=True)

    def _atom(self) -> Node:
        """One thing with its indexes, powers and arguments."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unparsed("nested too deep")
        grouped = self._sees("(")
        found = self._bare()
        while self._sees("_", "^", "**", "("):
            if self._sees("("):
                if grouped or not _is_name(found):
                    break
                found = node("call", found, *self._list("(", ")"))
            elif self._takes("**"):
                found = _scripted(found, None, self._factor())
            else:
                found = self._scripts(found)
        self._depth -= 1
        return found

    def _scripts(self, base: Node) -> Node:
        found: dict[str, Node] = {}
        while mark := self._takes("_", "^"):
            if mark in found:
                raise Unparsed("two of one kind of index")
            found[mark] = self._script()
        return _scripted(base, found.get("_"), found.get("^"))

    def _script(self) -> Node:
        if self._sees("{"):
            return node("list", *inner) if len(inner := self._list("{", "}")) > 1 else inner[0]
        token = self.next
        if token is None or token.kind == "mark" or (token.kind == "name" and len(token.text) > 1):
            raise Unparsed("an index of several letters without braces")
        return self._bare()

    def _bare(self) -> Node:
        token = self.next
        if token is None:
            raise Unparsed("something is missing at the end")
        if self._sees("("):
            inner = self._list("(", ")")
            return closed(inner[0]) if len(inner) == 1 else node("list", *inner)
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
        raise Unparsed(f"{token.text} is not expected")

    def _braced(self) -> Node:
        """Braces are not seen in print, so they may not tell where something ends."""
        inner = self._list("{", "}")
        if len(inner) != 1 or inner[0].kind not in _ATOMS or inner[0].open:
            raise Unparsed("braces where parentheses are meant")
        return inner[0]

    def _command(self, called: str) -> Node:
        if called == "frac":
            above, below = self._argument(), self._argument()
            return closed(chain("product", [closed(above), over(closed(below))]))
        word = name(f"\\{called}")
        if called in _ACCENTS and not self._sees("{"):
            token = self.next
            if token is None or token.kind == "mark" or len(token.text) > 1:
                raise Unparsed(f"what \\{called} is over is not clear")
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
            raise Unparsed("an argument without braces")
        return node("list", *inner) if len(inner := self._list("{", "}")) > 1 else inner[0]

    def _list(self, opening: str, closing: str) -> list[Node]:
        """What stands between two marks, separated by commas."""
        self._expects(opening)
        if self._takes(closing):
            raise Unparsed("nothing in between")
        found = [self._assigned()]
        while self._takes(","):
            found.append(self._assigned())
        self._expects(closing)
        return found

    def _assigned(self) -> Node:
        """As in the index of a sum, i=1."""
        left = self._comparison()
        if not self._takes("="):
            return left
        return node("=", left, self._comparison())


def _is_name(part: Node) -> bool:
    return part.kind == "name" or (part.kind == "script" and part.parts[0].kind == "name")


def _may_be_a_product(part: Node) -> bool:
    """Whether a letter before parentheses may be multiplied with them: a / b(c)."""
    if part.kind == "script":
        part = part.parts[0]
    if part.kind != "call":
        return False
    called = part.parts[0]
    return len((called.parts[0] if called.parts else called).text) <= len('"b"')


_NOTHING = Node("none", "-")


def _scripted(base: Node, below: Node | None, above: Node | None) -> Node:
    """Index and power; the power of what has an index is beside it."""
    if base.kind == "script" and below is None and base.parts[2] == _NOTHING:
        base, below, _ = base.parts
    return node("script", base, below or _NOTHING, above or _NOTHING, open=base.open)
