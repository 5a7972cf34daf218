"""Read YAML as plain values: safe tags only, bounded in size, depth and the expansion of
aliases."""

from __future__ import annotations

import yaml

from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 100_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEMPLATE = ("{{", "{%")


def read_yaml(data: bytes) -> object:
    """Return the values of one document: dicts, lists, numbers, texts and dates.

    Unreadable for an unfilled template, for anything but plain values, and for a document that is
    damaged, too large, too deep, or expands too much.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(f"larger than {MAX_BYTES >> 20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text (byte {error.start})") from error
    if any(mark in text for mark in _TEMPLATE):
        raise Unreadable("a Jinja template that was not filled in; nothing is guessed")
    try:
        _check_depth(text)
        node = yaml.compose(text, Loader=_Loader)
        if node is not None:
            _check_size(node, {}, MAX_DEPTH)
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise Unreadable(f"no YAML of plain values: {explain(error)}") from error
    except Unreadable:
        raise
    except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
        # PyYAML's constructors raise these for `!!int x`, a 30 February and the like.
        raise Unreadable("a value in it does not fit its tag") from error


def _check_depth(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels")
        if count > MAX_NODES:
            raise Unreadable(f"more than {MAX_NODES:,} values")


def _check_size(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """Return how many values a node holds when every alias is expanded."""
    if id(node) in known:
        return known[id(node)]
    if depth < 0:
        raise Unreadable(f"nested deeper than {MAX_DEPTH} levels, or part of itself")
    count = 1
    if isinstance(node, yaml.SequenceNode):
        count += sum(_check_size(each, known, depth - 1) for each in node.value)
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            count += sum(_check_size(each, known, depth - 1) for each in pair)
    if count > MAX_NODES:
        raise Unreadable(f"its aliases expand to more than {MAX_NODES:,} values")
    known[id(node)] = count
    return count
