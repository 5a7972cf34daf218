"""List calls that create a file PWNED in the current directory, or reach for something that could.

A reader that trusts its input runs them while it loads.
"""

from __future__ import annotations

import marshal

from tests.sources.pickles.assemble import (
    EMPTY_DICT,
    EMPTY_TUPLE,
    NONE,
    PROTO4,
    REDUCE,
    STOP,
    TRUE,
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

CODE = "open('PWNED','w').close()"
SHELL = "touch PWNED"
TOUCH = call("os.system", text(SHELL))
SYSTEM = glob("posix.system")
COMPILED = octets(marshal.dumps(compile(CODE, "x", "exec")))


def getattr_of(value: bytes, name: str) -> bytes:
    return glob("builtins.getattr") + tup(value, text(name)) + REDUCE


CALLS = {
    "os.system": TOUCH,
    "posix.system": call("posix.system", text(SHELL)),
    "nt.system": call("nt.system", text(SHELL)),
    "os.popen": call("os.popen", text(SHELL)),
    "builtins.exec": call("builtins.exec", text(CODE)),
    "builtins.eval": call("builtins.eval", text(CODE)),
    "builtins of Python 2": call("__builtin__.eval", text(CODE)),
    "builtins.open": call("builtins.open", text("PWNED"), text("w")),
    "io.open": call("io.open", text("PWNED"), text("w")),
    "builtins.__import__": call("builtins.__import__", text("antigravity")),
    "importlib": call("importlib.import_module", text("this")),
    "subprocess.Popen": call("subprocess.Popen", lst(text("touch"), text("PWNED"))),
    "subprocess.check_output": call(
        "subprocess.check_output", lst(text("touch"), text("PWNED"))
    ),
    "pty.spawn": call("pty.spawn", lst(text("touch"), text("PWNED"))),
    "getattr chain": getattr_of(
        call("builtins.__import__", text("os")), "system"
    ) + tup(text(SHELL)) + REDUCE,
    "walk over subclasses": getattr_of(getattr_of(glob("builtins.object"), "__class__"), "mro")
    + EMPTY_TUPLE + REDUCE,
    "globals of a function": getattr_of(glob("os.system"), "__globals__"),
    "operator.attrgetter": call("operator.attrgetter", text("system"))
    + tup(call("builtins.__import__", text("os"))) + REDUCE + tup(text(SHELL)) + REDUCE,
    "operator.methodcaller": call("operator.methodcaller", text("system"), text(SHELL))
    + tup(call("builtins.__import__", text("os"))) + REDUCE,
    "functools.partial": call("functools.partial", SYSTEM, text(SHELL)) + EMPTY_TUPLE + REDUCE,
    "functools.reduce": call("functools.reduce", SYSTEM, lst(text(SHELL), text(SHELL))),
    "builtins.map in a list": call("builtins.list", call("builtins.map", SYSTEM, lst(text(SHELL)))),
    "types.FunctionType of marshalled code": glob("types.FunctionType")
    + tup(call("marshal.loads", COMPILED), EMPTY_DICT) + REDUCE + EMPTY_TUPLE + REDUCE,
    "pickle within a pickle": call("pickle.loads", octets(TOUCH + STOP)),
    "_pickle within a pickle": call("_pickle.loads", octets(TOUCH + STOP)),
    "runpy.run_path": call("runpy.run_path", text("PWNED.py")),
    "timeit.timeit": call("timeit.timeit", text(CODE), text("pass")),
    "pdb.run": call("pdb.run", text(CODE)),
    "cProfile.run": call("cProfile.run", text(CODE)),
    "ctypes.CDLL": call("ctypes.CDLL", text("libc.so.6")),
    "shutil.rmtree": call("shutil.rmtree", text("/nonexistent/PWNED")),
    "pathlib.Path.touch": PROTO4 + stack_glob("pathlib", "Path.touch")
    + tup(call("pathlib.PosixPath", text("PWNED"))) + REDUCE,
    "numpy.testing runstring": call(
        "numpy.testing._private.utils.runstring", text(CODE), EMPTY_DICT
    ),
    "numpy.load": call("numpy.load", text("PWNED"), NONE, TRUE),
    "pandas.eval": call("pandas.eval", text("@__builtins__['open']('PWNED','w')")),
    "pandas.read_pickle": call("pandas.read_pickle", text("PWNED")),
    "pandas.io.common": call("pandas.io.common.urlopen", text("http://127.0.0.1/PWNED")),
    "copyreg.add_extension": call("copyreg.add_extension", text("os"), text("system"), integer(1)),
    "copyreg._reconstructor": call("copyreg._reconstructor", SYSTEM, glob("builtins.object"), NONE),
    "copyreg._reconstructor of a base": call(
        "copyreg._reconstructor", glob("os.stat_result"), glob("os.system"), text(SHELL)
    ),
    "copyreg.__newobj__": call("copyreg.__newobj__", glob("subprocess.Popen"), text("PWNED")),
    "copyreg.__newobj_ex__": call(
        "copyreg.__newobj_ex__", glob("subprocess.Popen"), tup(text(SHELL)), dct(shell=TRUE)
    ),
    "__reduce__ of an instance": getattr_of(call("builtins.object"), "__reduce_ex__")
    + tup(integer(2)) + REDUCE,
    "weakref callback": call("weakref.finalize", glob("builtins.object"), SYSTEM, text(SHELL)),
    "sys.modules replaced": call("operator.setitem", glob("sys.modules"), text("os"), NONE),
}  # fmt: skip
