"""Run the stack machine of the pickle protocol, on which nothing is called.

Each opcode has one action on a stack of plain values, `Global`s and `Record`s. An opcode that would
import makes a `Global`, one that would call makes a `Record`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from rdlake.sources.pickles import keys
from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.records import Global, Record, qualified
from rdlake.sources.pickles.refusal import Damaged, Refused, type_name

Stack = list[Any]

PER_LIST, PER_TUPLE, PER_DICT, PER_SET, PER_RECORD, PER_SLOT = 128, 64, 128, 256, 352, 9
LONGEST_NAME = 1_000
_GAP: Final = object()
_SHARED: Final = frozenset({tuple, list, dict, set, frozenset})
# What `object.__reduce_ex__` writes below protocol 2 or for `__newobj__` by name.
_REBUILT: Final = frozenset({"copyreg._reconstructor", "copy_reg._reconstructor"})
_NEWOBJ: Final = frozenset({"copyreg.__newobj__", "copy_reg.__newobj__"})
_GETATTR: Final = frozenset({"builtins.getattr", "__builtin__.getattr"})


class Machine:
    """Hold the stack, the stacks that wait below the marks, and the memo."""

    __slots__ = ("budget", "marked", "memo", "stack")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.stack: Stack = []
        self.marked: list[Stack] = []
        self.memo: list[Any] = []

    def since_mark(self) -> Stack:
        """Take everything above the last mark, and the mark."""
        if not self.marked:
            raise Damaged("an opcode needs a mark that is not there")
        items, self.stack = self.stack, self.marked.pop()
        return items


def _do_nothing(machine: Machine, _: object) -> None:
    pass


def _mark(machine: Machine, _: object) -> None:
    if len(machine.marked) > machine.budget.limits.depth:
        raise Refused("pickle", f"nested deeper than {machine.budget.limits.depth:,} levels")
    machine.marked.append(machine.stack)
    machine.stack = []


def _pop(machine: Machine, _: object) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.since_mark()


def _pop_mark(machine: Machine, _: object) -> None:
    machine.since_mark()


def _duplicate(machine: Machine, _: object) -> None:
    value = machine.stack[-1]
    machine.budget.shared += type(value) in _SHARED
    machine.stack.append(value)


def _list(machine: Machine, _: object) -> None:
    machine.budget.contain(PER_LIST)
    machine.stack.append([])


def _dict(machine: Machine, _: object) -> None:
    machine.budget.contain(PER_DICT)
    machine.stack.append({})


def _set(machine: Machine, _: object) -> None:
    machine.budget.contain(PER_SET)
    machine.stack.append(set())


def _marked_list(machine: Machine, _: object) -> None:
    items = machine.since_mark()
    machine.budget.contain(PER_LIST)
    machine.stack.append(items)


def _marked_tuple(machine: Machine, _: object) -> None:
    items = machine.since_mark()
    machine.budget.contain(PER_TUPLE + PER_SLOT * len(items))
    machine.stack.append(tuple(items))


def _marked_dict(machine: Machine, _: object) -> None:
    flat = _pairs(machine.since_mark())
    machine.budget.contain(PER_DICT)
    made: dict[object, object] = {}
    keys.fill(made, flat, machine.budget)
    machine.stack.append(made)


def _marked_frozenset(machine: Machine, _: object) -> None:
    items = machine.since_mark()
    machine.budget.contain(2 * PER_SET)
    made: set[object] = set()
    keys.add(made, items, machine.budget)
    machine.stack.append(frozenset(made))


def _tuple_of(size: int) -> Callable[[Machine, object], None]:
    def make(machine: Machine, _: object) -> None:
        stack = machine.stack
        if len(stack) < size:
            raise Damaged("a tuple needs more values than there are")
        machine.budget.contain(PER_TUPLE)
        stack[-size:] = [tuple(stack[-size:])]

    return make


def _append(machine: Machine, _: object) -> None:
    value = machine.stack.pop()
    _items(machine.stack[-1]).append(value)


def _append_all(machine: Machine, _: object) -> None:
    values = machine.since_mark()
    _items(machine.stack[-1]).extend(values)


def _items(target: Any) -> list[Any]:
    if type(target) is list:
        return target
    if type(target) is Record:
        return target.items
    raise Damaged(f"values are appended to a {type_name(target)}")


def _add_all(machine: Machine, _: object) -> None:
    members = machine.since_mark()
    target = machine.stack[-1]
    if type(target) is Record:
        target.items.extend(members)
    elif type(target) is set:
        keys.add(target, members, machine.budget)
    else:
        raise Damaged(f"members are added to a {type_name(target)}")


def _set_item(machine: Machine, _: object) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _put(machine, [key, value])


def _set_items(machine: Machine, _: object) -> None:
    _put(machine, _pairs(machine.since_mark()))


def _put(machine: Machine, flat: Stack) -> None:
    target = machine.stack[-1]
    if type(target) is dict:
        keys.fill(target, flat, machine.budget)
    elif type(target) is Record:
        machine.budget.spend(PER_TUPLE * len(flat))
        target.entries.extend(zip(flat[::2], flat[1::2], strict=True))
    else:
        raise Damaged(f"entries are put into a {type_name(target)}")


def _pairs(flat: Stack) -> Stack:
    if len(flat) % 2:
        raise Damaged("a key without a value")
    return flat


def _global(machine: Machine, names: tuple[str, str]) -> None:
    machine.stack.append(_make_global(machine, *names))


def _make_global(machine: Machine, module: str, name: str) -> Global:
    if len(module) + len(name) > LONGEST_NAME:
        raise Refused(f"{module}.{name}", f"a name of {len(module) + len(name):,} letters")
    machine.budget.contain(PER_TUPLE + len(name))
    return Global(module, name)


def _stack_global(machine: Machine, _: object) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise Damaged("a global whose name is no text")
    _global(machine, (module, name))


def _reduce(machine: Machine, _: object) -> None:
    args, of = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(_record_call(machine, of, args))


def _record_call(
    machine: Machine, of: object, args: object, kwargs: object = None
) -> Global | Record:
    """Return the record of a call. Three spellings of plain things are put into plain words."""
    if type(args) is not tuple or not (kwargs is None or type(kwargs) is dict):
        raise Damaged(f"a call with a {type_name(args)} for arguments")
    machine.budget.contain(PER_RECORD)
    if type(of) is Record:
        return Record(_make_global(machine, of.module, f"{of.name}()"), args, kwargs)
    if type(of) is not Global:
        raise Damaged(f"a call of a {type_name(of)}")
    name = qualified(of)
    if args and type(args[0]) is Global:
        if name in _GETATTR and len(args) == 2 and type(args[1]) is str:
            return _make_global(machine, args[0].module, f"{args[0].name}.{args[1]}")
        if name in _NEWOBJ:
            return Record(args[0], args[1:])
        if name in _REBUILT and len(args) == 3:
            return Record(args[0], () if args[2] is None else args[2:])
    return Record(of, args, kwargs)


def _new_object(machine: Machine, _: object) -> None:
    args, of = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(_record_call(machine, of, args))


def _new_object_with_names(machine: Machine, _: object) -> None:
    kwargs, args, of = (machine.stack.pop() for _ in range(3))
    machine.stack.append(_record_call(machine, of, args, kwargs))


def _instance(machine: Machine, names: tuple[str, str]) -> None:
    args = tuple(machine.since_mark())
    machine.stack.append(_record_call(machine, _make_global(machine, *names), args))


def _object(machine: Machine, _: object) -> None:
    items = machine.since_mark()
    machine.stack.append(_record_call(machine, items[0], tuple(items[1:])))


def _build(machine: Machine, _: object) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if type(target) is not Record:
        name = qualified(target) if type(target) is Global else type_name(target)
        raise Refused(name, "is given the state of an object and is none")
    if target.state is not None:
        raise Refused(qualified(target), "is given a second state")
    target.state = state


def _memoize(machine: Machine, _: object) -> None:
    machine.memo.append(machine.stack[-1])


def _store(machine: Machine, index: int) -> None:
    memo, value = machine.memo, machine.stack[-1]
    if index == len(memo):
        memo.append(value)
        return
    if index < 0:
        raise Damaged("a negative place in the memo")
    if index > len(memo):
        machine.budget.spend(PER_SLOT * (index - len(memo)))
        memo.extend([_GAP] * (index + 1 - len(memo)))
    memo[index] = value


def _recall(machine: Machine, index: int) -> None:
    if not 0 <= index < len(machine.memo) or (value := machine.memo[index]) is _GAP:
        raise Damaged(f"place {index:,} of the memo is empty")
    machine.budget.shared += type(value) in _SHARED
    machine.stack.append(value)


ACTIONS: Final[dict[int, Callable[[Machine, Any], None]]] = {
    ord("("): _mark, ord("0"): _pop, ord("1"): _pop_mark, ord("2"): _duplicate,
    0x80: _do_nothing, 0x95: _do_nothing,
    ord("]"): _list, ord("l"): _marked_list, ord("a"): _append, ord("e"): _append_all,
    ord("}"): _dict, ord("d"): _marked_dict, ord("s"): _set_item, ord("u"): _set_items,
    0x8F: _set, 0x90: _add_all, 0x91: _marked_frozenset,
    ord("t"): _marked_tuple, 0x85: _tuple_of(1), 0x86: _tuple_of(2), 0x87: _tuple_of(3),
    ord("c"): _global, 0x93: _stack_global,
    ord("R"): _reduce, 0x81: _new_object, 0x92: _new_object_with_names,
    ord("i"): _instance, ord("o"): _object, ord("b"): _build,
    0x94: _memoize, ord("p"): _store, ord("q"): _store, ord("r"): _store,
    ord("g"): _recall, ord("h"): _recall, ord("j"): _recall,
}  # fmt: skip
