"""Report what a factor's code reaches for, as its text shows. The code does not run.

A text can hide what it does. The scan reports; the closed process in which code runs prevents.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HARMLESS = _words(
    "__future__ abc bisect bottleneck calendar collections contextlib copy dataclasses datetime "
    "decimal enum fractions functools gc heapq itertools json logging math numba numexpr numpy "
    "operator os pandas pathlib pprint random re scipy sklearn statistics statsmodels string sys "
    "ta talib textwrap time tqdm traceback typing typing_extensions unicodedata warnings"
)
"""Modules that a factor may import; some of them not as a whole, see `MEMBERS`."""
KINDS = {
    "network": "aiohttp asyncio ftplib grpc http httpx imaplib paramiko poplib requests smtplib "
    "socket socketserver ssl telnetlib tushare urllib urllib3 webbrowser websocket xmlrpc "
    "yfinance akshare baostock",
    "processes": "concurrent dask joblib multiprocessing pandarallel pty ray signal subprocess "
    "threading",
    "files": "fileinput glob io shutil sqlite3 tempfile zipfile tarfile",
    "code": "builtins cffi cloudpickle code ctypes dill importlib inspect marshal pickle pkgutil "
    "runpy shelve types",
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names.split()}
MEMBERS = {
    "os": ({"path", "sep", "getcwd", "linesep", "curdir"}, "processes or files"),
    "sys": (
        {"argv", "exit", "stdout", "stderr", "version", "version_info", "maxsize", "float_info",
         "getsizeof", "platform"},
        "code",
    ),
}  # fmt: skip
"""Only these members of these modules are harmless; others are reported as the kind."""
CALLS = {
    **dict.fromkeys(("eval", "exec", "compile", "__import__", "globals", "vars", "locals"), "code"),
    **dict.fromkeys(("getattr", "setattr", "delattr", "breakpoint", "input"), "code"),
}
ATTRIBUTES = {
    **dict.fromkeys(("read_pickle", "to_pickle", "eval", "allow_pickle", "ctypeslib"), "code"),
    **dict.fromkeys(("runstring", "f2py", "distutils", "DataSource"), "code"),
    **dict.fromkeys(("read_sql", "read_gbq", "read_html", "to_sql", "to_gbq"), "network"),
    **dict.fromkeys(("home", "expanduser", "symlink_to", "hardlink_to", "rmtree"), "files"),
    **dict.fromkeys(("system", "popen", "fork", "Popen"), "processes"),
}
ELSEWHERE = re.compile(r"[/~\\]|[A-Za-z]:[\\/]|(.*[\\/])?\.\.([\\/]|$)")
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,10}://")
INNER = re.compile(r"__\w+__")
PLAIN_INNER = _words(
    "__main__ __name__ __init__ __repr__ __str__ __call__ __len__ __iter__ __file__ __doc__ "
    "__enter__ __exit__ __version__ __post_init__"
)


@dataclass(frozen=True, slots=True, order=True)
class Reach:
    """Name one thing that the code reaches for: at which line, what, and of which kind."""

    line: int
    what: str
    kind: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what} ({self.kind})"


def scan_code(code: bytes) -> tuple[Reach, ...]:
    """Return what the code reaches for: network, processes, files outside its folder, other code.

    The result is in the order of lines. Code that cannot be parsed is one such thing.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return (Reach(getattr(error, "lineno", None) or 1, "is no Python that parses", "code"),)
    modules = _modules(tree)
    return tuple(sorted({each for node in ast.walk(tree) for each in _reaches(node, modules)}))


def _modules(tree: ast.Module) -> dict[str, str]:
    """Return the module that each imported name stands for."""
    return {
        alias.asname or alias.name.split(".")[0]: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def _reaches(node: ast.AST, modules: dict[str, str]) -> Iterator[Reach]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _imported(node.lineno, alias.name, None)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            module = "." * node.level + (node.module or "")
            yield from _imported(node.lineno, module, alias.name)
    elif isinstance(node, ast.Name) and node.id in CALLS:
        yield Reach(node.lineno, node.id, CALLS[node.id])
    elif isinstance(node, ast.Name) and _is_inner(node.id):
        yield Reach(node.lineno, node.id, "code")
    elif isinstance(node, ast.Attribute):
        yield from _attribute(node, modules)
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
        yield Reach(node.value.lineno, "allow_pickle", "code")


def _imported(line: int, module: str, name: str | None) -> Iterator[Reach]:
    top = module.partition(".")[0]
    text = f"import {module}" if name is None else f"from {module} import {name}"
    if top not in HARMLESS:
        yield Reach(line, text, KIND_OF.get(top, "a module that is not known"))
    elif top in MEMBERS and name is not None and name not in MEMBERS[top][0]:
        yield Reach(line, text, MEMBERS[top][1])
    elif kind := ATTRIBUTES.get(name or "") or CALLS.get(name or ""):
        yield Reach(line, text, kind)
    elif inner := next((each for each in module.split(".")[1:] if each in ATTRIBUTES), None):
        yield Reach(line, text, ATTRIBUTES[inner])


def _attribute(node: ast.Attribute, modules: dict[str, str]) -> Iterator[Reach]:
    module = modules.get(node.value.id) if isinstance(node.value, ast.Name) else None
    text = f"{module or '…'}.{node.attr}"
    if module in MEMBERS:
        allowed, kind = MEMBERS[module]
        if node.attr not in allowed:
            yield Reach(node.lineno, text, kind)
    elif node.attr in ATTRIBUTES:
        yield Reach(node.lineno, text, ATTRIBUTES[node.attr])
    elif _is_inner(node.attr) or node.attr in MEMBERS:
        yield Reach(node.lineno, text, "code")


def _constant(node: ast.Constant) -> Iterator[Reach]:
    """Report a text that is a path or address elsewhere, and nothing more."""
    text = node.value
    if not isinstance(text, str):
        return
    if ADDRESS.match(text):
        yield Reach(node.lineno, repr(text[:80]), "network")
    elif ELSEWHERE.match(text) and len(text) > 1 and not re.search(r"\s", text):
        yield Reach(node.lineno, repr(text[:80]), "files")
    elif any(_is_inner(each) for each in INNER.findall(text)):
        yield Reach(node.lineno, repr(text[:80]), "code")


def _is_inner(name: str) -> bool:
    return INNER.fullmatch(name) is not None and name not in PLAIN_INNER
