"""Write what a formula says as nodes: one text for every spelling of a formula, another text
otherwise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Node:
    """Hold a part of a formula and its canonical text.

    An `open` part ends in an operator's argument without parentheses, as in `sum x_i`: a reader
    cannot know where that argument ends.
    """

    kind: str
    text: str
    parts: tuple[Node, ...] = ()
    open: bool = False


def node(kind: str, *parts: Node, open: bool = False) -> Node:
    """Return a node whose parts have an order."""
    return Node(kind, f"({kind} {' '.join(part.text for part in parts)})", parts, open)


def name(text: str) -> Node:
    """Return a node for a name."""
    return Node("name", json.dumps(text))


def number(text: str) -> Node:
    """Return a node for a number in one spelling: 10 for 10.0 and 1e1."""
    _, digits, exponent = Decimal(text).as_tuple()
    significant = "".join(map(str, digits)).strip("0")
    if not significant:
        return Node("number", "0")
    assert isinstance(exponent, int)
    whole = "".join(map(str, digits)).rstrip("0")
    return Node("number", f"{significant}e{exponent + len(digits) - len(whole)}")


def minus(part: Node) -> Node:
    """Return a node for the negative of a part."""
    return node("minus", part, open=part.open)


def over(part: Node) -> Node:
    """Return a node for one divided by a part."""
    return node("over", part, open=part.open)


def chain(kind: str, parts: Sequence[Node]) -> Node:
    """Return a sum or a product, flattened and sorted: neither order nor parentheses matter in it.

    If a part before the last is open, the parts stay as they are written.
    """
    if len(parts) == 1:
        return parts[0]
    if any(part.open for part in parts):
        return node(f"{kind}, as written,", *parts, open=True)
    flat = [inner for part in parts for inner in (part.parts if part.kind == kind else [part])]
    return node(kind, *sorted(flat, key=lambda part: part.text))


def close(part: Node) -> Node:
    """Return what stands in parentheses; keep them where they mean something."""
    return node("group", part) if part.open else part
