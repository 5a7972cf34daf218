"""Run a factor's original code in a closed folder of its own: `factor_values(code, df)`.

The code is not imported. It runs unchanged in another process, which cannot write elsewhere,
connect to anything or start anything, and which is killed when it takes too much time or memory.
"""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


CHILD = Path(__file__).with_name("child.py")
OPEN = 97
MESSAGE_BYTES = 4_000
LARGEST_ANSWER = 8 << 30


class FactorFailed(RuntimeError):
    """Report that the code gave no values; the text says why."""


@dataclass(frozen=True)
class RunLimits:
    """Bound one run: seconds, bytes of memory, bytes of one file that it writes.

    Where the system cannot close a process in, the code runs only with `unprotected`.
    """

    seconds: int = 600
    memory: int = 16 << 30
    size: int = 4 << 30
    unprotected: bool = False


LIMITS = RunLimits()


@dataclass(frozen=True)
class Values:
    """Hold what the code wrote: nanoseconds since 1970, codes and values, row by row; its
    column's name."""

    days: Any
    instruments: Any
    values: Any
    column: str


def factor_values(code: Path, df: pd.DataFrame, limits: RunLimits = LIMITS) -> pd.Series:
    """Return what the code makes of the prices `df`.

    `df` has the columns and the index (datetime, instrument) of daily_pv.h5. `code` is a file whose
    name is its sha256. Raise FactorFailed, with the code's last words, when it makes nothing, and
    when the file does not match its name.
    """
    import pandas as pd

    text = Path(code).read_bytes()
    if sha256(text).hexdigest() != code.stem:
        raise FactorFailed(f"{code.name} is not what was written there")

    def prices(folder: Path) -> None:
        df.to_hdf(folder / "daily_pv.h5", key="data", mode="w")

    values = run(text, prices, limits=limits)
    days = pd.DatetimeIndex(values.days.view("datetime64[ns]"))
    index = pd.MultiIndex.from_arrays([days, values.instruments], names=["datetime", "instrument"])
    return pd.Series(values.values, index=index, name=values.column)


def run(
    code: bytes,
    prepare: Callable[[Path], None],
    *,
    limits: RunLimits = LIMITS,
    python: str = sys.executable,
    readable: tuple[Path, ...] = (),
) -> Values:
    """Run code in a new folder, which `prepare` has filled with prices, and return its values.

    The code may also read the files in `readable`. The folder is removed afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="factor-", ignore_cleanup_errors=True) as place:
        folder = Path(place).resolve()
        prepare(folder)
        (folder / "factor.py").write_bytes(code)
        _run_process(folder, python, limits, readable)
        return _read_answer(folder)


def _run_process(folder: Path, python: str, limits: RunLimits, readable: tuple[Path, ...]) -> None:
    request = {
        "memory": limits.memory,
        "seconds": limits.seconds,
        "size": limits.size,
        "closed": not limits.unprotected,
        "readable": [str(CHILD.parent), *map(str, readable)],
    }
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [python, "-I", "-B", str(CHILD), json.dumps(request)],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            raise FactorFailed(f"it took more than {limits.seconds} s") from None
        finally:
            _kill(process)
        if code == 0:
            return
        words = _last_lines(output)
    if code == OPEN:
        raise FactorFailed(
            f"not run: this system cannot close it in: {words}. With unprotected it runs "
            "with the rights of whoever calls it"
        )
    raise FactorFailed(words or f"it ended with {code} and said nothing")


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment with nothing of the caller's, which may hold secrets.

    It asks for one thread, so that runs are alike.
    """
    one = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMEXPR_MAX", "BLOSC", "POLARS_MAX")
    names = {f"{each}_NUM_THREADS": "1" for each in one} | {"NUMEXPR_MAX_THREADS": "1"}
    system = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    places = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), str(folder))
    return {**names, **system, **places, "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all that it started where nothing closed it in."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()


def _last_lines(output: Any) -> str:
    """Return the last lines that the process wrote."""
    size = output.seek(0, io.SEEK_END)
    output.seek(max(0, size - MESSAGE_BYTES))
    text = output.read().decode("utf-8", "replace").strip()
    return " ".join(text.splitlines()[-3:])


def _read_answer(folder: Path) -> Values:
    """Return the arrays that the process left. They are read as data: no link is followed,
    nothing unpickled."""
    path = folder / "answer.npz"
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FactorFailed("its values are no file")
            with zipfile.ZipFile(file) as parts:
                if sum(each.file_size for each in parts.infolist()) > LARGEST_ANSWER:
                    raise FactorFailed("its values are too many")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                days, codes, values = (arrays[each] for each in ("days", "instruments", "values"))
                column = str(arrays["column"][0])
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise FactorFailed(f"its values cannot be read: {error}") from error
    alike = days.ndim == 1 and days.shape == codes.shape == values.shape
    if not alike or (days.dtype, values.dtype) != ("int64", "float64") or codes.dtype.kind != "U":
        raise FactorFailed("its values are not by day and instrument")
    return Values(days, codes, values, column)
