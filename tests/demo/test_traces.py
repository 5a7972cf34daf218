"""Test the written log folders: equal values give equal files, in RD-Agent's own shapes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from rdlake.demo.pandas_pickles import frame, path, series, style_of, time
from rdlake.demo.pickles import Call, Instance, Name, encode_pickle, sign_pickle
from rdlake.demo.traces import FAKE_SECRETS, RunLog, trace_files
from rdlake.sources.pickles import (
    Record,
    as_frame,
    as_path,
    as_series,
    as_value,
    attributes,
    load,
    open_envelope,
    qualified,
)
from tests.builders_traces import KEY, STARTED, make_loop
from tests.sources.traces.test_run_real import COPIED

VERSIONS = ("0.4.0", "0.6.1", "0.8.0", "1.0.0", "1.0.0 with pandas 3")
PLAIN: list[object] = [
    None, True, False, 0, -1, 255, 1 << 31, -(1 << 63), 1 << 200, 0.5, float("inf"),
    "", "动量 \U0001f4c8", "x" * 70_000, b"", b"\0\xff", (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4),
    [], [[], [1]], {}, {"a": {"b": []}},
]  # fmt: skip


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:20])
def test_plain_values_come_back(value: object, protocol: int) -> None:
    assert as_value(load(encode_pickle(value, protocol))) == value


def test_what_is_met_again_is_the_same() -> None:
    shared = Instance(Name("a", "B"), {"x": [1]})
    many = [shared, *(f"text {n}" for n in range(300)), shared, "text 7"]
    loaded = load(encode_pickle(many, 4))
    assert isinstance(loaded, list)
    assert loaded[0] is loaded[301]
    assert attributes(loaded[0]) == {"x": [1]}
    assert loaded[302] == "text 7"


def test_a_list_may_hold_itself() -> None:
    endless: list[object] = []
    endless.append(endless)
    loaded = load(encode_pickle(endless, 4))
    assert isinstance(loaded, list) and loaded[0] is loaded


def test_calls_keep_name_arguments_and_state() -> None:
    found = load(encode_pickle(Call(Name.of("a.b.C"), (1, "x"), {"y": 2}), 5))
    assert isinstance(found, Record)
    assert (qualified(found), found.args, found.state) == ("a.b.C", (1, "x"), {"y": 2})


def test_what_has_no_opcodes_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        encode_pickle([1j], 4)


def test_an_envelope_is_signed_with_the_key() -> None:
    packed = sign_pickle(encode_pickle([1], 5), KEY)
    assert open_envelope(packed, KEY).signature == "signed"
    assert open_envelope(packed, b"other").signature == "bad"


@pytest.mark.parametrize("version", VERSIONS)
def test_series_frames_paths_and_times_come_back(version: str) -> None:
    style = style_of(version)
    days = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[ns]")
    columns = {"return": np.array([0.1, np.nan]), "bench": np.array([1, 2], dtype="f4")}
    value = {
        "series": series({"IC": 0.1, "动量": float("nan")}, style),
        "frame": frame(days, columns, style),
    }
    loaded = load(encode_pickle(value, style.protocol))
    assert isinstance(loaded, dict)
    assert as_series(loaded["series"]).index[0].to_list() == ["IC", "动量"]
    table = as_frame(loaded["frame"]).table()
    assert table.columns == ["datetime", "return", "bench"]
    assert table["bench"].to_list() == [1.0, 2.0]
    place = PurePosixPath("/home/量化/x y")
    assert as_path(load(encode_pickle(path(place, style), 4))) == place
    moment = datetime(2026, 11, 20, 1, 2, 3, 456789, tzinfo=UTC)
    assert as_value(load(encode_pickle(time(moment), 4))) == moment


@pytest.mark.parametrize("version", VERSIONS)
def test_equal_values_make_equal_files(version: str) -> None:
    first, second = (
        trace_files(
            RunLog(started=STARTED, loops=(make_loop(0), make_loop(1)), version=version), key=KEY
        )
        for _ in range(2)
    )
    assert first == second


def test_secrets_lie_where_rd_agent_leaves_them() -> None:
    files = trace_files(RunLog(started=STARTED, loops=(make_loop(0),)), key=KEY)
    holding = {
        name.split("/")[-3]
        for name, content in files.items()
        if any(secret.encode() in content for secret in FAKE_SECRETS)
    }
    assert holding == {
        "LITELLM_SETTINGS",
        "RD_AGENT_SETTINGS",
        "debug_llm",
        "debug_tpl",
        "__session__",
    }


@pytest.mark.parametrize(
    ("tag", "real"),
    [
        ("runner result", "run_factor_100"),
        ("runner result", "run_factor_080"),
        ("Quantitative Backtesting Chart", "run_factor_100"),
        ("feedback", "run_factor_100"),
        ("hypothesis generation", "run_factor_100"),
        ("experiment generation", "run_factor_100"),
        ("coder result", "run_factor_100"),
    ],
)
def test_classes_are_those_of_the_real_messages(tag: str, real: str) -> None:
    version = "0.8.0" if real.endswith("080") else "1.0.0"
    files = trace_files(RunLog(started=STARTED, loops=(make_loop(0),), version=version))
    written = next(content for name, content in files.items() if f"/{tag}/" in name)
    message = sorted((COPIED / real).glob(f"log/*/Loop_0/*/{tag}/*/*.pkl"))[0]
    assert _classes(load(written)) <= _classes(load(Path(message).read_bytes()))


def _classes(value: object) -> set[str]:
    """Return the name of every record in a value."""
    found, waiting, seen = set(), [value], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Record):
            found.add(qualified(part))
            waiting += [part.args, part.state, *part.items]
        elif isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
    return found
