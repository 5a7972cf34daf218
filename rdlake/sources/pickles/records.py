"""Hold the two inert things that stand for everything a pickle would import, call or build."""

from __future__ import annotations

from rdlake.sources.pickles.refusal import Refused, shorten


class Global:
    """Hold a name that the pickle asked for. It is two pieces of text; nothing is looked up."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __repr__(self) -> str:
        return f"<global {shorten(qualified(self))}>"


class Record:
    """Hold a call that was not made: its name and arguments, and the state and contents meant for
    it.

    `items` are values appended to it, `entries` the (key, value) pairs put into it.
    """

    __slots__ = ("args", "entries", "items", "kwargs", "module", "name", "state")

    def __init__(
        self, of: Global, args: tuple[object, ...], kwargs: dict[object, object] | None = None
    ) -> None:
        self.module = of.module
        self.name = of.name
        self.args = args
        self.kwargs = kwargs
        self.state: object = None
        self.items: list[object] = []
        self.entries: list[tuple[object, object]] = []

    def __repr__(self) -> str:
        return f"<record {shorten(qualified(self))}>"


def qualified(value: Global | Record) -> str:
    """Return `module.name`, as the writer spelled it."""
    return f"{value.module}.{value.name}"


def record(value: object, wanted: str) -> Record:
    """Return the value as a record; Refused when it is anything else."""
    if type(value) is not Record:
        name = qualified(value) if type(value) is Global else type(value).__name__
        raise Refused(name, f"is not {wanted}")
    return value


def attributes(value: object) -> dict[str, object]:
    """Return a record's attributes as they lie in its state, undecoded.

    Refused when the value is no record or its state is not made of attributes.
    """
    found = record(value, "an object with attributes")
    merged: dict[str, object] = {}
    for part in _parts(found.state):
        if part is None:
            continue
        if type(part) is not dict or not all(type(name) is str for name in part):
            raise Refused(qualified(found), "its state is not made of attributes")
        merged.update(part)
    return merged


def _parts(state: object) -> tuple[object, ...]:
    # An object with __slots__ leaves (dict or None, dict of its slots).
    if type(state) is tuple and len(state) == 2 and type(state[1]) is dict:
        return state
    return (state,)
