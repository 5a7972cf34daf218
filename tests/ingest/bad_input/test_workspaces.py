"""What is wrong with a workspace is in `ingests`, costs the lake what it says and no more, and is
read once."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from rdlake.store.lake import Lake
from tests.builders import make_curve, write_metrics
from tests.ingest.bad_input.world import (
    FIGURES,
    OF_CURVE,
    OWN,
    changed,
    differences,
    ingested,
    lying,
    report_of,
)
from tests.sources.mlruns.build import FOLDER, HOSTILE, make_recording, write
from tests.sources.mlruns.test_read_bad import CASES as OF_RECORDINGS

OTHER = "f" * 32
CSV, RET, PICKLE, TABLE = "qlib_res.csv", "ret.parquet", "ret.pkl", "combined_factors_df.parquet"
META = f"{FOLDER}/meta.yaml"
SAID = "feedback.json"
METRICS = (changed("loop 0 loops", FIGURES, "has_result, provenance, status"),)
CURVE = ("- loop 0 equity_curves", changed("loop 0 loops", OF_CURVE, "provenance"))
FACTORS = (
    "- loop 0 factors MOM_5D",
    "- loop 0 factors 动量_10日",
    changed("loop 0 loops", "factor_names, model_id, provenance"),
    changed("loop 0 models", "feature_list, model_id"),
)
RECORDING = (
    "- loop 0 models",
    "- loop 0 signals",
    changed(
        "loop 0 loops",
        "base_features, config_name, created_at, data_profile, ended_at, model_id, provenance, "
        "strategy_id",
    ),
)
CONFIGURATION = (
    changed("loop 0 loops", "base_features, data_profile, model_id, provenance, strategy_id"),
    changed(
        "loop 0 models",
        "dataset_config, feature_list, model_config, model_id, model_type, provenance",
    ),
    changed("loop 0 signals", "target_weight"),
)
ALL = tuple(
    f"- loop 0 {each}"
    for each in (
        "equity_curves",
        "factors MOM_5D",
        "factors 动量_10日",
        "loops",
        "models",
        "signals",
    )
)


@dataclass(frozen=True)
class Bad:
    """What is done to a workspace, how it then stands in `ingests`, and what is not in the lake."""

    done: Callable[[Path], object]
    status: str
    file: str | None
    reason: str
    lines: tuple[str, ...] = ()


def put(name: str, content: bytes | str) -> Callable[[Path], object]:
    return lambda folder: write(folder / name, content)


def sparse(name: str, size: int, instead_of: str) -> Callable[[Path], object]:
    def done(folder: Path) -> None:
        (folder / instead_of).unlink()
        with (folder / name).open("wb") as file:
            file.truncate(size)

    return done


def gone(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def linked(name: str) -> Callable[[Path], object]:
    def done(folder: Path) -> None:
        (folder / name).rename(folder.parent.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent.parent / "elsewhere")

    return done


def enfoldered(folder: Path) -> None:
    (folder / CSV).unlink()
    (folder / CSV).mkdir()


def hostile_curve(folder: Path) -> None:
    (folder / RET).unlink()
    write(folder / PICKLE, HOSTILE)


def in_a_database(folder: Path) -> None:
    shutil.rmtree(folder / "mlruns")
    sqlite3.connect(folder / "mlflow.db").close()


def recorded(**recording: object) -> Callable[[Path], object]:
    def done(folder: Path) -> None:
        shutil.rmtree(folder / "mlruns")
        make_recording(folder, **recording)  # type: ignore[arg-type]

    return done


def no_workspace(folder: Path) -> None:
    shutil.rmtree(folder)
    write(folder / "notes.txt", "nothing of RD-Agent")


def of_recording(name: str) -> Callable[[Path], object]:
    (case,) = [each for each in OF_RECORDINGS if each.name == name]
    return lambda folder: case.change(folder / FOLDER)


ELSEWHERE = {"artifact_uri": f"file:///x/{OTHER}/mlruns/1/2/artifacts"}
TWICE = pl.concat([make_curve(6), make_curve(6)])
DISPROVEN = "1day.excess_return_with_cost.annualized_return"

CASES: Mapping[str, Bad] = {
    "empty metrics": Bad(put(CSV, b""), "partial", CSV, "empty", METRICS),
    "metrics that are no text": Bad(put(CSV, b"\xff\xfe"), "partial", CSV, "not UTF-8", METRICS),
    "metrics cut short": Bad(
        lambda folder: (folder / CSV).write_bytes((folder / CSV).read_bytes()[:-9]),
        "partial",
        CSV,
        "1 fields and not 2",
        (changed("loop 0 loops", "metrics, rank_ic"),),
    ),
    "an infinite metric": Bad(
        lambda folder: write_metrics(folder, {"IC": float("inf"), "Rank IC": 0.03}),
        "ok",
        CSV,
        "not a finite number",
        (changed("loop 0 loops", FIGURES.replace(", rank_ic", "")),),
    ),
    "no metrics": Bad(gone(CSV), "ok", CSV, "missing", METRICS),
    "a folder for metrics": Bad(enfoldered, "partial", CSV, "a folder", METRICS),
    "a metric that the curve disproves": Bad(
        lambda folder: write_metrics(folder, {DISPROVEN: 9.9, "IC": 0.02}),
        "ok",
        CSV,
        "9.9, but the curve gives",
        (changed("loop 0 loops", FIGURES.replace(" ic,", "")),),
    ),
    "half a curve": Bad(put(RET, b"PAR1\0\1"), "partial", RET, "not a readable Parquet", CURVE),
    "a curve of 65 MiB": Bad(sparse(RET, 65 << 20, RET), "partial", RET, "larger than", CURVE),
    "no curve": Bad(gone(RET), "ok", RET, "missing", CURVE),
    "a day twice": Bad(
        lambda folder: TWICE.write_parquet(folder / RET), "partial", RET, "repeated dates", CURVE
    ),
    "a curve without returns": Bad(
        lambda folder: make_curve(6).drop("return").write_parquet(folder / RET),
        "partial",
        RET,
        "no column `return`",
        CURVE,
    ),
    "a curve that runs a command": Bad(hostile_curve, "partial", PICKLE, "posix.system", CURVE),
    "a pickle of a gigabyte": Bad(
        sparse(PICKLE, 1 << 30, RET), "partial", PICKLE, "larger than 64 MiB", CURVE
    ),
    "a table of factors that is none": Bad(put(TABLE, b"x"), "partial", TABLE, "Parquet", FACTORS),
    "a link for the factors": Bad(linked(TABLE), "partial", TABLE, "never followed", FACTORS),
    "code that is no text": Bad(put("model.py", b"\xff\xfe\xff"), "partial", "model.py", "UTF-8"),
    "mlflow's database": Bad(in_a_database, "ok", "mlflow.db", "not read", RECORDING),
    "an mlruns of another experiment": Bad(
        recorded(metrics={"IC": "0.5"}, meta=ELSEWHERE), "ok", FOLDER, OTHER, RECORDING
    ),
    "an mlruns that says it ran elsewhere": Bad(recorded(meta=ELSEWHERE), "ok", META, OTHER),
    "a recording of a failed run": Bad(
        recorded(meta={"status": 4}), "ok", "mlruns", "no finished run", RECORDING
    ),
    "a recording whose clock went back": Bad(
        recorded(meta={"end_time": 9}),
        "ok",
        META,
        "before it began",
        (changed("loop 0 loops", "ended_at"),),
    ),
    "a link for mlruns": Bad(linked("mlruns"), "ok", "mlruns", "never followed", RECORDING),
    "a description that runs a command": Bad(
        put(META, "!!python/object/apply:os.system ['touch PWNED']\n"),
        "partial",
        META,
        "plain values",
        RECORDING,
    ),
    "a task that runs a command": Bad(
        of_recording("hostile task"),
        "partial",
        f"{FOLDER}/artifacts/task",
        "no task",
        CONFIGURATION,
    ),
    "a task too large": Bad(
        of_recording("task too large"),
        "partial",
        f"{FOLDER}/artifacts/task",
        "too large",
        CONFIGURATION,
    ),
    "two scores of one day": Bad(
        of_recording("two scores of one day"),
        "partial",
        f"{FOLDER}/artifacts/pred.pkl",
        "two scores",
        ("- loop 0 signals", changed("loop 0 loops", "data_profile")),
    ),
    "JSON cut short": Bad(put(SAID, b'{"decision": tr'), "partial", SAID, "no JSON"),
    "JSON that is no text": Bad(put(SAID, b"\xff\xfe"), "partial", SAID, "not UTF-8"),
    "JSON without an object": Bad(put(SAID, b"[1]"), "partial", SAID, "no JSON object"),
    "a decision twice": Bad(
        put(SAID, b'{"decision": true, "decision": false}'), "partial", SAID, "comes twice"
    ),
    "JSON without end": Bad(put(SAID, b"[" * 99_999), "partial", SAID, "deeper than"),
    "JSON of 5 MiB": Bad(put(SAID, b" " * (5 << 20)), "partial", SAID, "larger than 4 MiB"),
    "a link for JSON": Bad(
        lambda folder: (folder / SAID).symlink_to("nowhere"), "partial", SAID, "never followed"
    ),
    "a folder for JSON": Bad(lambda folder: (folder / SAID).mkdir(), "partial", SAID, "a folder"),
    "JSON of another workspace": Bad(
        put(SAID, b'{"workspace_id": "x", "decision": true}'), "ok", SAID, "workspace 'x'"
    ),
    "a pipe": Bad(lambda folder: os.mkfifo(folder / "pipe"), "ok", "pipe", "not opened"),
    "a name that is not UTF-8": Bad(
        lambda folder: Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_bytes(b""),
        "ok",
        "\\xff",
        "not UTF-8",
    ),
    "folders without end": Bad(
        lambda folder: folder.joinpath(*"d" * 40).mkdir(parents=True),
        "partial",
        "/".join("d" * 32),
        "not read below",
    ),
    "no workspace": Bad(no_workspace, "skipped", None, "no workspace", ALL),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = ingested(lying(tmp_path_factory.mktemp("whole")))
    assert lake.read("ingests")["findings"].list.len().to_list() == [0, 0]
    return lake


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_damage_is_in_ingests_and_costs_what_it_says(
    tmp_path: Path, whole: Lake, case: str
) -> None:
    place, bad = lying(tmp_path), CASES[case]
    bad.done(place.first)
    lake = ingested(place)
    told = report_of(lake, OWN[0])
    assert told["status"] == bad.status
    said = [each for each in told["findings"] if bad.reason in each["reason"]]
    assert [each["file"] for each in said][:1] == [bad.file], told["findings"]
    assert said[0]["level"] == ("error" if bad.status == "partial" else "warning")
    assert all(each["fix"] for each in told["findings"])
    assert differences(whole, lake) == set(bad.lines)
    assert report_of(lake, OWN[1])["status"] == "ok"
    assert not list(tmp_path.rglob("PWNED"))


def test_a_link_among_the_workspaces_is_told_and_not_followed(tmp_path: Path, whole: Lake) -> None:
    place = lying(tmp_path)
    linked(OWN[0])(place.workspaces)
    lake = ingested(place)
    (finding,) = place.read(lake).root_findings
    assert (finding.level, finding.file) == ("error", OWN[0])
    assert "never followed" in finding.reason and finding.fix
    assert differences(whole, lake) == set(ALL)
