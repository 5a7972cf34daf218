"""Test that a factor's code runs unchanged, alone and closed in."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from itertools import pairwise
from math import isfinite
from pathlib import Path

import pytest

from rdlake.exports.libraries import sync
from rdlake.exports.libraries.runtime.runner import FactorFailed, RunLimits, Values, run
from rdlake.store.lake import Lake
from tests.builders_prices import few_prices
from tests.exports.libraries.builders import code_of, pandas_prices, taken, write_factors

pytest.importorskip("tables")

MINUTE = RunLimits(60)
LOW = """import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(what, *given):
    if getattr(libc, what)(*given) != -1:
        raise SystemExit(f"{what} was allowed")
    print(what, os.strerror(ctypes.get_errno()))
"""
"""Past everything that Python itself watches."""


def prepared(prices: Path, folder: Path) -> None:
    (folder / "daily_pv.h5").symlink_to(prices)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    return pandas_prices(tmp_path / "daily_pv.h5")


def ran(code: str, prices: Path, limits: RunLimits = MINUTE) -> Values:
    return run(code.encode(), partial(prepared, prices), limits=limits, readable=(prices,))


def closes_in(tmp: Path) -> str | None:
    """Return why this system cannot close a process in; None when it can."""
    try:
        run(b"raise SystemExit('it runs')", lambda folder: None, limits=RunLimits(60))
    except FactorFailed as error:
        return None if str(error) == "it runs" else str(error)
    return None


@pytest.fixture
def closed(tmp_path: Path) -> None:
    if why := closes_in(tmp_path):
        pytest.skip(why)


def test_the_values_are_those_of_the_prices(closed: None, prices: Path) -> None:
    made = ran(code_of("动量_1日"), prices)
    rows = few_prices().rows()
    close = {(day, code): value for day, code, value in rows}
    days = sorted({day for day, _, _ in rows})
    expected = {
        (str(day)[:10], code): close[day, code] / close[before, code] - 1
        for before, day in pairwise(days)
        for code in {code for _, code, _ in rows}
    }
    found = dict(
        zip(
            zip(
                made.days.view("datetime64[ns]").astype("datetime64[D]").astype(str),
                made.instruments.tolist(),
                strict=True,
            ),
            made.values.tolist(),
            strict=True,
        )
    )
    known = {key: value for key, value in found.items() if isfinite(value)}
    assert made.column == "动量_1日" and known.keys() == expected.keys()
    assert all(abs(known[key] - value) < 1e-7 for key, value in expected.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "call('socket', 2, 1, 0)",
        "call('socketpair', 1, 1, 0, 0)",
        "call('syscall', 425, 1, 0)",  # io_uring_setup
        "call('fork')",
        "call('syscall', 435, 0, 0)",  # clone3
        "call('execv', b'/bin/true', None)",
        "call('kill', 1, 0)",
        "call('ptrace', 16, 1, 0, 0)",
        "call('open', b'{elsewhere}/new', 0o101, 0o644)",
        "call('open', b'{elsewhere}/there', 1)",
        "call('open', b'{elsewhere}/there', 0)",
        "call('open', b'/etc/passwd', 0)",
        "call('truncate', b'{elsewhere}/there', 0)",
        "call('chmod', b'{elsewhere}/there', 0)",
        "call('unlink', b'{elsewhere}/there')",
        "call('rename', b'factor.py', b'{elsewhere}/new')",
        "call('link', b'{elsewhere}/there', b'mine')",
        "call('symlink', b'/etc', b'mine')",
        "call('open', b'{prices}', 1)",
        "call('unshare', 0x10000000)",
        "call('mount', b'a', b'b', b'c', 0, 0)",
    ],
)
def test_the_kernel_refuses_what_reaches_out(
    closed: None, prices: Path, tmp_path: Path, code: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "there").write_text("here")
    line = code.format(elsewhere=elsewhere, prices=prices)
    made = ran(f"{LOW}{line}\n{code_of('X')}", prices)
    assert made.column == "X"
    assert [path.read_text() for path in elsewhere.iterdir()] == ["here"]


@pytest.mark.parametrize(
    "code",
    [
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        "import subprocess\nsubprocess.run(['true'])",
        "import os\nos.system('true')",
        "import os\nos.fork()",
        "open('{elsewhere}', 'w')",
        "open('../x', 'w')",
        "import shutil\nshutil.rmtree('{elsewhere}')",
        "from pathlib import Path\nPath('{elsewhere}').unlink()",
    ],
)
def test_python_refuses_it_too_with_a_word(prices: Path, tmp_path: Path, code: str) -> None:
    """Run without the kernel's means, so that the second line of defence answers."""
    (tmp_path / "there").write_text("here")
    with pytest.raises(FactorFailed, match=r"not in a factor|Permission"):
        ran(code.format(elsewhere=tmp_path / "there"), prices, RunLimits(60, unprotected=True))
    assert (tmp_path / "there").read_text() == "here"


@pytest.mark.slow
def test_time_and_memory_have_an_end(closed: None, prices: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(FactorFailed, match=r"more than 2 s|ended with -"):
        ran("while True: pass", prices, RunLimits(2))
    assert time.monotonic() - begun < 20
    with pytest.raises(FactorFailed, match="MemoryError"):
        ran("x = bytearray(3 << 30)", prices, RunLimits(60, memory=2 << 30))
    with pytest.raises(FactorFailed, match=r"File too large|ended with -"):
        ran("open('x', 'wb').write(bytes(1 << 21))", prices, RunLimits(60, size=1 << 20))


def test_nothing_of_the_callers_environment_is_seen(
    closed: None, prices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "sk-secret")
    with pytest.raises(FactorFailed, match="seen: None"):
        ran("import os\nraise SystemExit(f\"seen: {os.environ.get('SECRET_KEY')}\")", prices)


def test_values_are_read_as_data_alone(closed: None, prices: Path) -> None:
    swap = (
        "import atexit, numpy as np\n"
        "atexit.register(lambda: np.savez('answer.npz', days=np.array([{}], object),"
        " instruments=np.array(['a']), values=np.array([1.0]), column=np.array(['X'])))\n"
    )
    with pytest.raises(FactorFailed, match="cannot be read"):
        ran(swap + code_of("X"), prices)


@pytest.mark.slow
def test_code_that_fails_says_its_last_words(prices: Path) -> None:
    for code, words in [
        ("raise ValueError('no such luck')", "no such luck"),
        ("pass", "result.h5"),
        ("this is no python", "SyntaxError"),
    ]:
        with pytest.raises(FactorFailed, match=words):
            ran(code, prices, RunLimits(60, unprotected=bool(closes_in(prices.parent))))


@pytest.mark.slow
def test_the_library_works_without_rdlake(
    closed: None, lake: Lake, tmp_path: Path, prices: Path
) -> None:
    write_factors(tmp_path / "log", {"动量_1日": code_of("动量_1日")})
    root = tmp_path / "lib"
    root.mkdir()
    sync(taken(lake, tmp_path / "log"), root, None)
    script = (
        "import sys; sys.modules['rdlake'] = None\n"
        f"sys.path.insert(0, {str(root)!r})\n"
        "import pandas as pd\n"
        "from rd_factors_lib.registry import FACTORS, VERSION, factor\n"
        f"prices = pd.read_hdf({str(prices)!r}, key='data')\n"
        "found = factor('动量_1日')(prices)\n"
        "close = prices['$close'].unstack('instrument')\n"
        "wanted = (close / close.shift(1) - 1).stack(future_stack=True).astype('float32')\n"
        "wanted.index = wanted.index.set_levels(wanted.index.levels[0].as_unit('ns'), level=0)\n"
        "pd.testing.assert_series_equal(found.sort_index(), wanted.astype('float64').sort_index(),"
        " check_names=False, check_index_type=False)\n"
        "assert found.name == '动量_1日' and VERSION == 1\n"
        "print(len(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, "90\n"), done.stderr


def test_a_changed_original_is_not_run(lake: Lake, tmp_path: Path) -> None:
    from rdlake.exports.libraries.runtime.runner import factor_values

    changed = tmp_path / f"{'0' * 64}.py"
    changed.write_text(code_of("X"))
    with pytest.raises(FactorFailed, match="not what was written"):
        factor_values(changed, None)
