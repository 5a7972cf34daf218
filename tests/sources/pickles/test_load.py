"""Check that plain values are loaded as they are, and everything else as inert records."""

from __future__ import annotations

import pytest

from rdlake.sources.pickles import (
    Damaged,
    Global,
    Limits,
    Record,
    Refused,
    as_value,
    attributes,
    load,
    qualified,
)  # fmt: skip
from tests.places import WRITERS
from tests.sources.pickles.assemble import (
    APPENDS,
    BUILD,
    DUP,
    EMPTY_LIST,
    EMPTY_TUPLE,
    MARK,
    NONE,
    OBJ,
    POP,
    PROTO5,
    REDUCE,
    SETITEMS,
    STOP,
    TUPLE,
    TUPLE1,
    call,
    dct,
    get,
    glob,
    integer,
    lst,
    octets,
    text,
    tup,
)  # fmt: skip


def loaded_record(data: bytes) -> Record:
    value = load(data + STOP)
    assert isinstance(value, Record)
    return value


@pytest.mark.parametrize("protocol", range(6))
def test_all_protocols_give_the_same_values(protocol: int) -> None:
    value = load((WRITERS / "pandas-2.3.3" / f"protocol{protocol}.pkl").read_bytes())
    found = as_value(value)
    assert found["metrics"].name == "0"
    assert found["ret"].data.shape == (3, 9)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"I-12\n", -12), (b"I01\n", True), (b"I00\n", False), (b"L-12L\n", -12),
        (b"L12\n", 12), (b"F-1.5e3\n", -1500.0), (b"Finf\n", float("inf")), (b"K\xff", 255),
        (b"M\xff\xff", 65535), (b"J\xff\xff\xff\xff", -1), (b"\x8a\x00", 0),
        (b"\x8a\x02\x00\x80", -32768), (b"\x8b\x01\x00\x00\x00\xff", -1), (b"N", None),
        (b"G\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5), (b"\x88", True), (b"\x89", False),
        (b"S'a\\'\\x41\\n\\\\'\n", "a'A\n\\"), (b'S"it\'s"\n', "it's"), (b"U\x02ab", "ab"),
        (b"T\x02\x00\x00\x00ab", "ab"), (b"V\\u6da8\\n\n", "涨\\n"),
        (b"\x8c\x03\xe6\xb6\xa8", "涨"), (b"X\x03\x00\x00\x00\xe6\xb6\xa8", "涨"),
        (b"\x8d\x01" + bytes(7) + b"a", "a"), (b"C\x02\x00\xff", b"\x00\xff"),
        (b"B\x01\x00\x00\x00a", b"a"), (b"\x8e\x01" + bytes(7) + b"a", b"a"),
        (b"\x96\x01" + bytes(7) + b"a", b"a"), (b"(lK\x01a", [1]), (b"(K\x01K\x02l", [1, 2]),
        (b"(K\x01K\x02t", (1, 2)), (b")", ()), (b"K\x01K\x02K\x03\x87", (1, 2, 3)),
        (b"(K\x01K\x02d", {1: 2}), (b"}K\x01K\x02s", {1: 2}), (b"}(K\x01K\x02u", {1: 2}),
        (b"\x8f(K\x01\x90", {1}), (b"(K\x01\x91", frozenset({1})), (b"(K\x01K\x021N", None),
        (b"K\x01K\x020", 1), (b"K\x012\x86", (1, 1)), (b"K\x01p0\n0g0\n", 1),
        (b"K\x01q\x070h\x07", 1), (b"K\x01\x940j\x00\x00\x00\x00", 1), (b"(0K\x01", 1),
    ],
)  # fmt: skip
def test_each_opcode_gives_its_value(data: bytes, value: object) -> None:
    found = load(data + STOP)
    assert (type(found), found) == (type(value), value)


def test_a_global_is_two_pieces_of_text() -> None:
    value = load(glob("os.system") + STOP)
    assert isinstance(value, Global)
    assert (value.module, value.name, qualified(value)) == ("os", "system", "os.system")


@pytest.mark.parametrize(
    "data",
    [
        call("a.B", integer(1)), glob("a.B") + tup(integer(1)) + b"\x81",
        MARK + glob("a.B") + integer(1) + OBJ, MARK + integer(1) + b"ia\nB\n",
        call("copyreg.__newobj__", glob("a.B"), integer(1)),
        call("copyreg._reconstructor", glob("a.B"), glob("builtins.int"), integer(1)),
        call("builtins.getattr", glob("a.B"), text("c")) + POP + call("a.B", integer(1)),
    ],
)  # fmt: skip
def test_every_way_to_call_gives_the_same_record(data: bytes) -> None:
    found = loaded_record(data)
    assert (qualified(found), found.args, found.state) == ("a.B", (1,), None)


def test_a_record_keeps_named_arguments_state_items_and_entries() -> None:
    data = glob("a.B") + EMPTY_TUPLE + dct(size=integer(3)) + b"\x92"
    data += MARK + integer(1) + integer(2) + APPENDS
    data += MARK + text("k") + integer(5) + SETITEMS + dct(name=text("n")) + BUILD
    found = loaded_record(data)
    assert (found.kwargs, found.items, found.entries) == ({"size": 3}, [1, 2], [("k", 5)])
    assert attributes(found) == {"name": "n"}


def test_a_method_is_named_by_where_it_was_taken_from() -> None:
    method = glob("builtins.getattr") + tup(glob("zoneinfo.ZoneInfo"), text("_unpickle")) + REDUCE
    found = loaded_record(method + tup(text("UTC")) + REDUCE)
    assert qualified(found) == "zoneinfo.ZoneInfo._unpickle"


def test_attributes_of_slots_are_merged() -> None:
    found = loaded_record(call("a.B") + tup(dct(a=integer(1)), dct(b=integer(2))) + BUILD)
    assert attributes(found) == {"a": 1, "b": 2}


def test_an_object_without_a_state_has_no_attributes() -> None:
    assert attributes(loaded_record(call("a.B"))) == {}


@pytest.mark.parametrize("data", [lst(), glob("a.B"), call("a.B") + lst() + BUILD, text("a")])
def test_only_objects_have_attributes(data: bytes) -> None:
    with pytest.raises(Refused):
        attributes(load(data + STOP))


def test_shared_parts_stay_shared_and_cycles_stay_cycles() -> None:
    twice = load(EMPTY_LIST + DUP + b"\x86" + STOP)
    assert isinstance(twice, tuple)
    assert twice[0] is twice[1]
    around = load(EMPTY_LIST + b"\x94" + get(0) + b"a" + STOP)
    assert isinstance(around, list)
    assert around[0] is around


def test_large_bytes_are_a_view_of_the_file() -> None:
    data = octets(bytes(2 << 20)) + STOP
    view = load(data)
    assert isinstance(view, memoryview)
    assert view.obj is data


def test_what_follows_the_end_is_not_read() -> None:
    assert load(NONE + STOP + b"anything") is None


def test_each_limit_is_kept() -> None:
    nested = EMPTY_TUPLE + TUPLE1 * 10 + STOP
    many = MARK + EMPTY_LIST * 50_000 + TUPLE + STOP
    assert load(nested) is not None
    assert load(many) is not None
    for data, limits in (
        (nested, Limits(depth=5)), (nested, Limits(size=5)), (many, Limits(memory=100_000)),
        (many, Limits(seconds=0.0)), (many + NONE, Limits(depth=1)),
        (EMPTY_TUPLE + (DUP + b"\x86") * 50 + STOP, Limits(expanded=1_000)),
    ):  # fmt: skip
        with pytest.raises(Refused):
            load(data, limits=limits)


@pytest.mark.parametrize("size", [0, 1, 12, 700])
def test_a_torn_pickle_is_damaged(size: int) -> None:
    whole = (WRITERS / "pandas-2.3.3" / "protocol5.pkl").read_bytes()
    with pytest.raises(Damaged):
        load(whole[:size])


def test_a_frame_that_is_cut_off_is_damaged_before_anything_is_read() -> None:
    with pytest.raises(Damaged, match="a frame of 9 bytes"):
        load(PROTO5 + b"\x95\x09" + bytes(7) + NONE + STOP)


def test_a_refusal_names_what_it_refuses_in_letters_a_terminal_can_take() -> None:
    with pytest.raises(Refused) as refusal:
        as_value(load(glob("os\x1b[2J.\x07" + "x" * 500) + STOP))
    assert refusal.value.name.startswith("os?[2J.?x")
    assert len(refusal.value.name) < 130
    assert refusal.value.name in str(refusal.value)
