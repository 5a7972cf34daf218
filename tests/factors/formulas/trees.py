"""Make random formulas as trees, the ways to write one down, and its value in fractions."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

Tree = tuple[Any, ...]
# (operator, left, right), ("neg", tree), ("Ref", tree, days) or (leaf,)
LEAVES = ("$close", "$open", "$volume", "2", "10", "0.5")

trees = st.recursive(
    st.sampled_from(LEAVES).map(lambda leaf: (leaf,)),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from("+-*/"), inner, inner),
        st.tuples(st.just("neg"), inner),
        st.tuples(st.just("Ref"), inner, st.integers(1, 3)),
    ),
    max_leaves=12,
)


def worth(tree: Tree, at: dict[str, Fraction]) -> Fraction | None:
    """Return the value of the tree; None where something is divided by zero."""
    match tree:
        case (leaf,):
            return at[leaf] if leaf in at else Fraction(leaf)
        case ("neg", inner):
            return None if (value := worth(inner, at)) is None else -value
        case ("Ref", inner, days):
            # any function will do that tells the days apart
            return None if (value := worth(inner, at)) is None else value**2 + 7 * days
    operator, left, right = tree
    a, b = worth(left, at), worth(right, at)
    if a is None or b is None or (operator == "/" and not b):
        return None
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else a}[operator]


def key(tree: Tree) -> object:
    """Return the tree without what means nothing: the order and grouping of sums and products."""
    match tree:
        case (leaf,):
            return leaf
        case ("neg", inner):
            return ("neg", key(inner))
        case ("Ref", inner, days):
            return ("Ref", key(inner), days)
    kind = "+" if tree[0] in "+-" else "*"
    return (kind, *sorted((part for part in _flat(tree, kind)), key=repr))


def _flat(tree: Tree, kind: str) -> list[object]:
    if len(tree) != 3 or tree[0] not in {"+": "+-", "*": "*/"}[kind]:
        return [key(tree)]
    last = _flat(tree[2], kind) if tree[0] == kind else [_inverse(tree)]
    return [*_flat(tree[1], kind), *last]


def _inverse(tree: Tree) -> object:
    return ("neg" if tree[0] == "-" else "inverse", key(tree[2]))


def qlib(tree: Tree, chance: random.Random) -> str:
    """Return one of the ways to write it in Qlib's syntax."""
    match tree:
        case (leaf,):
            text = chance.choice(_numbers(leaf))
        case ("neg", inner):
            text = f"(-({qlib(inner, chance)}))"
        case ("Ref", inner, days):
            text = f"Ref({qlib(inner, chance)},{' ' * chance.randrange(3)}{days})"
        case (operator, left, right):
            if operator in "+*" and chance.random() < 0.5:
                left, right = right, left
            space = " " * chance.randrange(3)
            text = f"({qlib(left, chance)}{space}{operator}{space}{qlib(right, chance)})"
    return f"({text})" if chance.random() < 0.2 else text


def latex(tree: Tree, chance: random.Random) -> str:
    """Return one of the ways to write it in LaTeX."""
    match tree:
        case (leaf,):
            return chance.choice(_numbers(leaf.lstrip("$")))
        case ("neg", inner):
            return rf"\left(-\left({latex(inner, chance)}\right)\right)"
        case ("Ref", inner, days):
            called = chance.choice(["\\text{Ref}", "Ref", "\\mathrm{Ref}", "\\operatorname{Ref}"])
            return f"{called}{chance.choice(['_', '_ '])}{{{days}}}({latex(inner, chance)})"
        case ("/", left, right) if chance.random() < 0.5:
            return rf"\frac{{{latex(left, chance)}}}{{{latex(right, chance)}}}"
    operator, left, right = tree
    if operator in "+*" and chance.random() < 0.5:
        left, right = right, left
    mark = chance.choice(["*", r"\cdot ", r" \times "]) if operator == "*" else operator
    opening, closing = chance.choice([("(", ")"), (r"\left(", r"\right)"), (r"\bigl( ", r"\bigr)")])
    return f"{opening}{latex(left, chance)} {mark}{latex(right, chance)}{closing}"


def _numbers(leaf: str) -> list[str]:
    return {
        "2": ["2", "2.0", "2e0"],
        "10": ["10", "10.00", "1e1", "1.0E+1"],
        "0.5": ["0.5", ".5", "5e-1"],
    }.get(leaf, [leaf])
