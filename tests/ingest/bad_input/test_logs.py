"""What is wrong with a log is in `ingests`, costs the lake what it says and no more, and is read
once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from rdlake.store.lake import Lake
from tests.ingest.bad_input.world import (
    FIGURES,
    OF_CURVE,
    RUN,
    changed,
    differences,
    ingested,
    logged,
    report_of,
)
from tests.sources.traces.damage import DAMAGES

FACTORS = ("BROKEN_0", "MOM_0")
PROPOSED = tuple(f"- loop 0 factors {name}" for name in FACTORS)
CODE = tuple(
    changed(f"loop 0 factors {name}", "code_sha256, provenance, sub_workspace_id")
    for name in FACTORS
)
BASELINE = ("- baseline equity_curves", "- baseline loops")
CURVE = ("- loop 0 equity_curves", changed("loop 0 loops", OF_CURVE, "provenance"))
NO_DECISION = changed("loop 0 loops", "decision, provenance")
CONCLUSION = (changed("loop 0 feedback", "decision, hypothesis, summary_execution"), NO_DECISION)
FOLDERLESS = tuple(
    changed(f"loop 0 {rows}", "workspace_id")
    for rows in ("factors BROKEN_0", "factors MOM_0", "feedback", "equity_curves")
)
"""A loop whose workspace is not known stands under an id of its own."""
RESULT = (
    *BASELINE,
    *FOLDERLESS,
    changed(
        "loop 0 loops",
        FIGURES,
        "base_features, based_on, has_result, provenance, status, workspace_id",
    ),
)
NO_RESULT = (
    *BASELINE,
    *FOLDERLESS[:2],
    changed("loop 0 feedback", "error, workspace_id"),
    "- loop 0 equity_curves",
    changed(
        "loop 0 loops",
        FIGURES,
        OF_CURVE,
        "base_features, based_on, error_message, has_result, provenance, status, workspace_id",
    ),
)
EARLIER = tuple(
    changed(f"loop 0 {rows}", "created_at")
    for rows in ("factors BROKEN_0", "factors MOM_0", "loops")
)
SCENARIO = tuple(
    changed(f"{each} loops", "scenario, scenario_raw") for each in ("baseline", "loop 0", "loop 1")
)


@dataclass(frozen=True)
class Costs:
    """How the run stands in `ingests`, and what the lake has otherwise than of the whole log."""

    status: str
    lines: tuple[str, ...] = ()


STEPS = (changed("loop 0 loops", "steps"),)
CASES: Mapping[str, Costs] = {
    "a pickle of someone else's": Costs("ok"),
    "a message outside any loop": Costs("ok"),
    "a process id that is a word": Costs("ok"),
    "a hypothesis that is a dict": Costs("partial"),
    "a hypothesis without a text": Costs(
        "ok", (changed("loop 0 feedback", "hypothesis_reason, tested_hypothesis"),)
    ),
    "tasks that are a text": Costs("partial"),
    "a task without a name": Costs("ok", PROPOSED),
    "a description that is a number": Costs(
        "ok", (PROPOSED[0], changed("loop 0 factors MOM_0", "description_cn, provenance"))
    ),
    "a coder result that is None": Costs("partial"),
    "code that is bytes": Costs(
        "ok", (CODE[0], changed("loop 0 factors MOM_0", "code_sha256, provenance"))
    ),
    "code of other tasks": Costs("ok", CODE),
    "a workspace path that leads up": Costs(
        "ok", (CODE[0], changed("loop 0 factors MOM_0", "sub_workspace_id"))
    ),
    "a runner result that runs a command": Costs("partial", RESULT),
    "a runner result without a workspace": Costs(
        "ok",
        (
            *BASELINE,
            *FOLDERLESS,
            changed("loop 0 loops", FIGURES, "base_features, provenance, workspace_id"),
        ),
    ),
    "a chart that is a series": Costs("partial", CURVE),
    "a chart with a day twice": Costs("partial", CURVE),
    "a chart that is cut off": Costs("partial", CURVE),
    "the loop's own chart missing": Costs("ok", CURVE),
    "a chart without a result": Costs("ok", NO_RESULT),
    "a log of Qlib that is bytes": Costs("partial"),
    "feedback without a decision": Costs("ok", CONCLUSION),
    "a decision that is a text": Costs("ok", CONCLUSION),
    "feedback of another class": Costs("partial", CONCLUSION),
    "times without an end": Costs("ok", STEPS),
    "a step that ends before it begins": Costs("ok", STEPS),
    "feedback before the result": Costs("ok", EARLIER),
    "a cost that is a list": Costs("partial", (changed("loop 0 loops", "llm_cost"),)),
    "an unknown scenario": Costs("ok", SCENARIO),
    "an empty file": Costs("partial", CONCLUSION),
    "an envelope cut in its mark": Costs("partial", CONCLUSION),
    "an envelope cut in its signature": Costs("partial", CONCLUSION),
    "a signed pickle cut off": Costs("partial", CONCLUSION),
    "bytes that are no pickle": Costs("partial", CONCLUSION),
    "a changed message": Costs("partial", CONCLUSION),
    "a message without a signature": Costs(
        "ok", (changed("loop 0 feedback", "hypothesis, summary_execution"),)
    ),
    "a gigabyte": Costs("partial", RESULT),
    "lists in lists": Costs("partial", RESULT),
    "a link instead of a message": Costs("partial", NO_RESULT),
    "a pipe instead of a message": Costs(
        "ok", (CONCLUSION[0], changed("loop 0 loops", "decision, provenance, status"))
    ),
    "a name that is no time": Costs("ok"),
    "two workspaces for one loop": Costs("ok", EARLIER),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return ingested(logged(tmp_path_factory.mktemp("whole")))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_damage_is_in_ingests_and_costs_what_it_says(
    tmp_path: Path, whole: Lake, case: str
) -> None:
    place, damage, costs = logged(tmp_path), DAMAGES[case], CASES[case]
    damage.done(place.run)
    lake = ingested(place)
    told = report_of(lake, RUN)
    assert (told["status"], told["role"]) == (costs.status, "run")
    assert (told["status"] == "partial") is (damage.level == "error")
    said = [each for each in told["findings"] if damage.reason in each["reason"]]
    assert said, told["findings"]
    for each in said:
        assert each["level"] == damage.level
        assert (each["file"] or "").startswith(damage.file or "")
        assert each["fix"]
    assert differences(whole, lake) == set(costs.lines)
    assert not (tmp_path / "hacked").exists()


def test_an_empty_file_is_damaged_and_not_called_unsigned(tmp_path: Path) -> None:
    place = logged(tmp_path)
    DAMAGES["an empty file"].done(place.run)
    (finding,) = report_of(ingested(place), RUN)["findings"]
    assert "damaged" in finding["reason"]
