"""List opcodes in places where they do not belong, and what `load` must do with each."""

from __future__ import annotations

from typing import Literal

from tests.sources.pickles.assemble import (
    ADDITEMS,
    APPEND,
    APPENDS,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    MARK,
    MEMOIZE,
    NEWOBJ,
    NEWOBJ_EX,
    NONE,
    OBJ,
    POP,
    PROTO4,
    REDUCE,
    SETITEM,
    SETITEMS,
    TRUE,
    TUPLE,
    call,
    dct,
    glob,
    integer,
    lst,
    octets,
    stack_glob,
    text,
    tup,
)
from tests.sources.pickles.calls import COMPILED, SHELL, SYSTEM

Fate = Literal["inert", "refused"]


OPCODES: dict[str, tuple[Fate, bytes]] = {
    "INST": ("inert", MARK + text(SHELL) + b"ios\nsystem\n"),
    "OBJ": ("inert", MARK + SYSTEM + text(SHELL) + OBJ),
    "NEWOBJ": ("inert", glob("subprocess.Popen") + tup(lst(text("touch"), text("PWNED"))) + NEWOBJ),
    "NEWOBJ_EX": ("inert", glob("subprocess.Popen") + tup(text(SHELL)) + dct(shell=TRUE)
                  + NEWOBJ_EX),
    "STACK_GLOBAL": ("inert", stack_glob("os", "system") + tup(text(SHELL)) + REDUCE),
    "STACK_GLOBAL along attributes": (
        "inert",
        PROTO4 + stack_glob("subprocess", "os.path.os.system") + tup(text(SHELL)) + REDUCE),
    "STACK_GLOBAL of the reader itself": (
        "inert", stack_glob("rdlake.sources.pickles", "load.__globals__")),
    "STACK_GLOBAL of numbers": ("refused", integer(1) + integer(2) + b"\x93"),
    "GLOBAL without text": ("refused", b"c\xff\xfe\nsystem\n"),
    "GLOBAL with control letters": ("inert", glob("os\x1b[2J.system\x07")),
    "GLOBAL of look-alike letters": ("inert", b"c\xd0\xbes\nsystem\n" + tup(text(SHELL)) + REDUCE),
    "GLOBAL of a very long name": ("refused", b"c" + b"a" * 100_000 + b"\nb\n"),
    "BUILD on a class": ("refused", glob("builtins.object") + dct(__setstate__=SYSTEM) + BUILD),
    "BUILD on a function": ("refused", SYSTEM + dct(__code__=COMPILED) + BUILD),
    "BUILD on a dict": ("refused", EMPTY_DICT + dct(a=NONE) + BUILD),
    "BUILD with __setstate__ first": (
        "refused",
        call("builtins.object") + dct(__setstate__=SYSTEM) + BUILD + text(SHELL) + BUILD),
    "BUILD with slots": ("inert", call("os.PathLike") + tup(NONE, dct(__class__=SYSTEM)) + BUILD),
    "BUILD with __dict__": ("inert", call("a.B") + dct(__dict__=dct(__reduce__=SYSTEM)) + BUILD),
    "BUILD with names that are no text": (
        "inert", call("a.B") + EMPTY_DICT + MARK + integer(1) + NONE + SETITEMS + BUILD),
    "EXT1": ("refused", b"\x82\x01"), "EXT2": ("refused", b"\x83\x01\x00"),
    "EXT4": ("refused", b"\x84\x01\x00\x00\x00"),
    "PERSID": ("refused", b"Pos.system\n"), "BINPERSID": ("refused", text("os.system") + b"Q"),
    "NEXT_BUFFER": ("refused", b"\x97"), "READONLY_BUFFER": ("refused", octets(b"a") + b"\x98"),
    "REDUCE of a number": ("refused", integer(1) + EMPTY_TUPLE + REDUCE),
    "REDUCE with a list": ("refused", SYSTEM + lst(text(SHELL)) + REDUCE),
    "NEWOBJ_EX with a list": ("refused", SYSTEM + EMPTY_TUPLE + EMPTY_LIST + NEWOBJ_EX),
    "OBJ of nothing": ("refused", MARK + OBJ),
    "APPEND to a class": ("refused", SYSTEM + text(SHELL) + APPEND),
    "APPENDS to a record": ("inert", call("os.system") + MARK + text(SHELL) + APPENDS),
    "SETITEM on a class": ("refused", glob("sys.modules") + text("os") + NONE + SETITEM),
    "SETITEMS on a record": ("inert", call("sys.modules") + MARK + text("os") + NONE + SETITEMS),
    "ADDITEMS to a list": ("refused", EMPTY_LIST + MARK + text("a") + ADDITEMS),
    "a key without a value": ("refused", EMPTY_DICT + MARK + text("a") + SETITEMS),
    "a list as key": ("refused", EMPTY_DICT + MARK + EMPTY_LIST + NONE + SETITEMS),
    "a list in a set": ("refused", EMPTY_SET + MARK + EMPTY_LIST + ADDITEMS),
    "no mark": ("refused", TUPLE), "nothing on the stack": ("refused", REDUCE),
    "nothing at all": ("refused", b""), "an unknown opcode": ("refused", b"\xff"),
    "protocol 6": ("refused", b"\x80\x06" + NONE), "protocol 255": ("refused", b"\x80\xff" + NONE),
    "a hole in the memo": ("refused", NONE + b"q\x05" + POP + b"h\x03"),
    "below the memo": ("refused", NONE + b"p-1\n" + b"g-1\n"),
    "below the memo, read only": ("refused", NONE + MEMOIZE + b"g-1\n"),
    "text that is no UTF-8": ("refused", b"X\x01\x00\x00\x00\xff"),
    "half a letter": ("inert", text("\ud800")),
    "letters from right to left": ("inert", call("os.\u202esystem", text("\u202e\x00"))),
    "an integer with underscores": ("refused", b"I1_000\n"),
    "an integer of other digits": ("refused", "I١٢\n".encode()),
    "a float with spaces": ("refused", b"F 1.0\n"), "a float in hex": ("refused", b"F0x1p3\n"),
    "a string that is not quoted": ("refused", b"Sos.system\n"),
    "a string that is an expression": ("refused", b"S'a'+'b\n"),
    "a string with escapes": ("inert", b"S'\\x41\\n\\101\\q'\n"),
    "escapes beyond Unicode": ("refused", b"V\\U00110000\n"),
    "bytes of Python 2": ("refused", b"U\x01\xff"),
}  # fmt: skip
