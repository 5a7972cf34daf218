"""What a formula says: nodes whose text is the same for every spelling, and differs otherwise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a formula. `open` is one that ends in an operator's argument without parentheses,
    as in \\sum x_i: who reads on cannot know where the argument ends."""

    kind: str
    text: str
    parts: tuple[Node, ...] = ()
    open: bool = False


def node(kind: str, *parts: Node, open: bool = False) -> Node:
    """A node whose parts have an order."""
    return Node(kind, f"({kind} {' '.join(part.text for part in parts)})", parts, open)


def name(text: str) -> Node:
    return Node("name", json.dumps(text))


def number(text: str) -> Node:
    """A number, in one spelling: 10 for 10.0 and 1e1."""
    _, digits, exponent = Decimal(text).as_tuple()
    significant = "".join(map(str, digits)).strip("0")
    if not significant:
        return Node("number", "0")
    assert isinstance(exponent, int)
    whole = "".join(map(str, digits)).rstrip("0")
    return Node("number", f"{significant}e{exponent + len(digits) - len(whole)}")


def minus(part: Node) -> Node:
    return node("minus", part, open=part.open)


def over(part: Node) -> Node:
    """One divided by it."""
    return node("over", part, open=part.open)


def chain(kind: str, parts: Sequence[Node]) -> Node:
    """A sum or product: flat, and sorted, for neither the order nor parentheses matter in it. With
    an open part before the last it is kept as it stands."""
    if len(parts) == 1:
        return parts[0]
    if any(part.open for part in parts):
        return node(f"{kind}, as written,", *parts, open=True)
    flat = [inner for part in parts for inner in (part.parts if part.kind == kind else [part])]
    return node(kind, *sorted(flat, key=lambda part: part.text))


def closed(part: Node) -> Node:
    """What stands in parentheses; these are kept where they say something."""
    return node("group", part) if part.open else part
