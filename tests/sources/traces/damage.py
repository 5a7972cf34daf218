"""List the ways in which a log folder can be wrong, and the finding of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from rdlake.demo.pandas_pickles import frame, path, series, style_of, time
from rdlake.demo.pickles import Call, Instance, Name, encode_pickle, sign_pickle
from rdlake.demo.rdagent_pickles import (
    coder_feedback,
    experiment,
    hypothesis,
    hypothesis_feedback,
    sub_workspace,
    task,
)
from rdlake.domain.experiment import Level
from tests.builders import make_curve
from tests.builders_traces import KEY, STARTED, WORKSPACES, make_proposal

STYLE = style_of("1.0.0")
HYPOTHESIS = "Loop_0/direct_exp_gen/hypothesis generation"
TASKS = "Loop_0/direct_exp_gen/experiment generation"
CODED = "Loop_0/coding/coder result"
RESULT = "Loop_0/running/runner result"
CHART = "Loop_0/running/Quantitative Backtesting Chart"
LOG = "Loop_0/running/Qlib_execute_log"
FEEDBACK = "Loop_0/feedback/feedback"
TIMES = "Loop_0/coding/time_info"
COST = "Loop_0/direct_exp_gen/token_cost"
METRICS = {"IC": 0.1}
PROPOSALS = (make_proposal("MOM_0"),)
SYSTEM = Call(Name("os", "system"), ("touch hacked",))


@dataclass(frozen=True)
class Damage:
    """Describe what is done to a run's folder, and the finding that it must leave."""

    done: Callable[[Path], object]
    file: str | None
    reason: str
    level: Level = "warning"


def only(folder: Path, tag: str) -> Path:
    """Return the last message of a tag."""
    return max((folder / tag).glob("*/*.pkl"))


def held(tag: str, value: object) -> Callable[[Path], object]:
    """Give the message another value."""
    packed = sign_pickle(encode_pickle(value, 5), KEY)
    return lambda folder: only(folder, tag).write_bytes(packed)


def changed(whole: Instance, *without: str, **to: object) -> Instance:
    """Return an object with other attributes, and without some."""
    kept = {name: part for name, part in whole.attributes.items() if name not in without}
    return Instance(whole.of, kept | to)


def cut(tag: str, size: int) -> Callable[[Path], object]:
    return lambda folder: only(folder, tag).write_bytes(only(folder, tag).read_bytes()[:size])


def removed(pattern: str, *, last: bool = False) -> Callable[[Path], object]:
    def remove(folder: Path) -> None:
        found = sorted(folder.glob(pattern))
        for message in found[-1:] if last else found:
            message.unlink()

    return remove


def beside(name: str, value: object) -> Callable[[Path], object]:
    """Add one more file."""

    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(sign_pickle(encode_pickle(value, 5), KEY))

    return write


def renamed(tag: str, name: str) -> Callable[[Path], object]:
    return lambda folder: only(folder, tag).rename(only(folder, tag).with_name(name))


def linked(tag: str) -> Callable[[Path], object]:
    """Put a link in the message's place; the message lies outside the run."""

    def link(folder: Path) -> None:
        place, elsewhere = only(folder, tag), folder.parent.parent / "elsewhere.pkl"
        place.rename(elsewhere)
        place.symlink_to(elsewhere)

    return link


def linked_folder(folder: Path) -> None:
    elsewhere = folder.parent.parent / "elsewhere"
    (folder / "Loop_0").rename(elsewhere)
    (folder / "Loop_0").symlink_to(elsewhere, target_is_directory=True)


def forged(folder: Path) -> None:
    """Change one byte of a signed message."""
    message = only(folder, FEEDBACK)
    content = bytearray(message.read_bytes())
    content[-5] ^= 1
    message.write_bytes(content)


def sparse(folder: Path) -> None:
    with only(folder, RESULT).open("r+b") as file:
        file.truncate(1 << 30)


def piped(folder: Path) -> None:
    only(folder, FEEDBACK).unlink()
    os.mkfifo(folder / FEEDBACK / "feedback.pkl")


def enfoldered(folder: Path) -> None:
    (folder / FEEDBACK / "x.pkl" / "1").mkdir(parents=True)


def nested(depth: int) -> bytes:
    return sign_pickle(b"\x80\x05" + b"]" * depth + b"a" * (depth - 1) + b".", KEY)


def another_result(folder: Path) -> None:
    """Add an earlier attempt at the loop, in another workspace."""
    first = min((folder / RESULT).glob("*/*.pkl"))
    name = "2020-01-01_00-00-00-000000.pkl"
    first.with_name(name).write_bytes(sign_pickle(encode_pickle(result(), 5), KEY))


def same_workspace(folder: Path) -> None:
    claimed = only(folder, RESULT).read_bytes()
    only(folder, "Loop_1/running/runner result").write_bytes(claimed)


def said(**to: object) -> Instance:
    return changed(hypothesis("h", "r", None), **to)


def proposed(*without: str, **to: object) -> list[object]:
    return [changed(task(PROPOSALS[0], "factor", coded=False), *without, **to)]


def coded(*without: str, **to: object) -> list[object]:
    return [changed(sub_workspace(PROPOSALS[0], "factor", STYLE), *without, **to)]


def result(*without: str, **to: object) -> Instance:
    whole = experiment("factor", PROPOSALS, WORKSPACES / ("e" * 32), METRICS, STYLE)
    return changed(whole, *without, **to)


def measured(value: object) -> Instance:
    return result(running_info=Instance(Name("rdagent", "RunningInfo"), {"result": value}))


def concluded(*without: str, **to: object) -> Instance:
    return changed(hypothesis_feedback({"decision": True}, STYLE), *without, **to)


def judged(verdict: object) -> Instance:
    one = Instance(Name("rdagent", "CoSTEERSingleFeedbackDeprecated"), {"final_decision": verdict})
    return changed(coder_feedback([]), feedback_list=[one])


def chart(curve: pl.DataFrame) -> Instance:
    columns = {name: curve[name].to_numpy() for name in curve.columns if name != "datetime"}
    return frame(curve["datetime"].to_numpy(), columns, STYLE)


CURVE = make_curve(days=3)
SPAN = {"start_time": time(STARTED), "end_time": time(STARTED)}
BACKWARDS = {"start_time": time(STARTED), "end_time": time(STARTED.replace(year=2020))}
ODD: tuple[object, ...] = (
    None, True, 7, 1 << 80, float("nan"), "", "x", "..", "\ud800", b"x", [], [None], [7], (), {},
    {1: 2}, {("a",): 1}, {"a": SYSTEM}, SYSTEM, Name("os", "system"), Instance(Name("a", "B")),
)  # fmt: skip
MESSAGES: Mapping[str, object] = {
    HYPOTHESIS: said(action="factor"),
    TASKS: proposed(),
    CODED: coded(),
    RESULT: result(base_features={"a": "b"}, based_experiments=[result(sub_tasks=[])]),
    CHART: chart(CURVE),
    LOG: "conf_baseline.yaml",
    FEEDBACK: concluded(exception=SYSTEM),
    TIMES: SPAN,
    COST: {"cost": 1.0, "model": "m"},
}
"""Whole messages, and what may stand in a field of theirs."""
NO_MESSAGE = "not a message of this tag"

DAMAGES: Mapping[str, Damage] = {
    "a pickle of someone else's": Damage(
        beside("Loop_0/notes.pkl", [1]), "Loop_0/notes.pkl", "where RD-Agent writes none"
    ),
    "a message outside any loop": Damage(
        beside("r/runner result/1/2026-01-01_00-00-00-000000.pkl", result()), None, "no Loop_N"
    ),
    "a hypothesis that is a dict": Damage(held(HYPOTHESIS, {}), HYPOTHESIS, NO_MESSAGE, "error"),
    "a hypothesis of another class": Damage(
        held(HYPOTHESIS, result()), HYPOTHESIS, NO_MESSAGE, "error"
    ),
    "a hypothesis without a text": Damage(
        held(HYPOTHESIS, changed(said(), "hypothesis")), HYPOTHESIS, "`hypothesis` is missing"
    ),
    "a hypothesis that is a number": Damage(
        held(HYPOTHESIS, said(hypothesis=7)), HYPOTHESIS, "`hypothesis` is of type int"
    ),
    "a reason that is a list": Damage(
        held(HYPOTHESIS, said(reason=["a"])), HYPOTHESIS, "`reason` is of type list"
    ),
    "an action that is none": Damage(
        held(HYPOTHESIS, said(action="fly")), HYPOTHESIS, "neither factor nor model"
    ),
    "tasks that are a text": Damage(held(TASKS, "MOM"), TASKS, NO_MESSAGE, "error"),
    "a task that is a number": Damage(held(TASKS, [7]), TASKS, NO_MESSAGE, "error"),
    "a task without a name": Damage(
        held(TASKS, proposed("name", "factor_name")), TASKS, "`name` is missing"
    ),
    "a description that is a number": Damage(
        held(TASKS, proposed(description=1.5)), TASKS, "`description` is of type float"
    ),
    "variables that are a list": Damage(
        held(TASKS, proposed(variables=["x"])), TASKS, "`variables` is of type list"
    ),
    "variables that hold an object": Damage(
        held(TASKS, proposed(variables={"x": SYSTEM})), TASKS, "`variables`"
    ),
    "a task of neither kind": Damage(
        held(TASKS, [Instance(Name("x", "Task"), {"name": "MOM_0"})]), TASKS, "neither a factor"
    ),
    "a coder result that is None": Damage(held(CODED, None), CODED, NO_MESSAGE, "error"),
    "a coder result that is a dict": Damage(held(CODED, {}), CODED, NO_MESSAGE, "error"),
    "code that is a list": Damage(
        held(CODED, coded(file_dict=[])), CODED, "`file_dict` is of type list"
    ),
    "code that is bytes": Damage(
        held(CODED, coded(file_dict={"factor.py": b"x"})), CODED, "values that are no text"
    ),
    "a workspace path that is a number": Damage(
        held(CODED, coded(workspace_path=7)), CODED, "not a path"
    ),
    "a workspace path without a folder": Damage(
        held(CODED, coded(workspace_path=path(PurePosixPath("/"), STYLE))), CODED, "no folder"
    ),
    "a workspace path that leads up": Damage(
        held(CODED, coded(workspace_path="/home/..")), CODED, "names no folder"
    ),
    "a workspace without a path": Damage(
        held(CODED, coded("workspace_path")), CODED, "`workspace_path` is missing"
    ),
    "code of other tasks": Damage(
        held(CODED, [sub_workspace(make_proposal("OTHER"), "factor", STYLE)]),
        CODED,
        "belongs to none",
    ),
    "a runner result that runs a command": Damage(
        held(RESULT, SYSTEM), RESULT, NO_MESSAGE, "error"
    ),
    "a runner result without a workspace": Damage(
        held(RESULT, result(experiment_workspace=None)), RESULT, "`experiment_workspace` is missing"
    ),
    "a runner result without a result": Damage(
        held(RESULT, result("running_info")), RESULT, "the result is missing"
    ),
    "a result that is a text": Damage(
        held(RESULT, measured("good")), RESULT, "the result cannot be read"
    ),
    "a result that is a frame": Damage(
        held(RESULT, measured(chart(CURVE))), RESULT, "the result cannot be read"
    ),
    "a result that runs a command": Damage(
        held(RESULT, measured(SYSTEM)), RESULT, "the result cannot be read"
    ),
    "an infinite metric": Damage(
        held(RESULT, measured(series({"IC": float("inf")}, STYLE))), RESULT, "is infinite"
    ),
    "a metric without a name": Damage(
        held(RESULT, measured(series({" ": 1.0}, STYLE))), RESULT, "without a name"
    ),
    "a metric with two values": Damage(
        held(RESULT, measured(series({"IC": 1.0, " IC": 2.0}, STYLE))), RESULT, "different values"
    ),
    "based experiments that are a dict": Damage(
        held(RESULT, result(based_experiments={})), RESULT, "`based_experiments` is of type dict"
    ),
    "a based experiment that is a text": Damage(
        held(RESULT, result(based_experiments=["x"])), RESULT, NO_MESSAGE, "error"
    ),
    "base features that are a list": Damage(
        held(RESULT, result(base_features=["x"])), RESULT, "`base_features` is of type list"
    ),
    "a base feature that is a number": Damage(
        held(RESULT, result(base_features={"x": 1})), RESULT, "values that are no text"
    ),
    "a verdict without a list": Damage(
        held(RESULT, result(prop_dev_feedback=changed(judged(True), "feedback_list"))),
        RESULT,
        "`feedback_list` is missing",
    ),
    "a verdict that is a text": Damage(
        held(RESULT, result(prop_dev_feedback=judged("yes"))), RESULT, "not True or False"
    ),
    "a chart that is a series": Damage(
        held(CHART, series(METRICS, STYLE)), CHART, "no daily report", "error"
    ),
    "a chart without returns": Damage(
        held(CHART, chart(CURVE.drop("return"))), CHART, "no column `return`", "error"
    ),
    "a chart with a day twice": Damage(
        held(CHART, chart(pl.concat([CURVE, CURVE]))), CHART, "repeated dates", "error"
    ),
    "a chart with an empty account": Damage(
        held(CHART, chart(CURVE.drop("account"))), CHART, "no column `account`"
    ),
    "a chart that is cut off": Damage(cut(CHART, 400), CHART, "damaged", "error"),
    "a chart without a result": Damage(removed(f"{RESULT}/*/*"), CHART, "owner is unknown"),
    "a chart although Qlib did not run": Damage(removed(f"{LOG}/*/*"), CHART, "did not run"),
    "the loop's own chart missing": Damage(
        removed(f"{CHART}/*/*", last=True), CHART, "the loop's own chart is missing"
    ),
    "a log of Qlib that is bytes": Damage(held(LOG, b"log"), LOG, NO_MESSAGE, "error"),
    "feedback without a decision": Damage(
        held(FEEDBACK, concluded("decision")), FEEDBACK, "`decision` is missing"
    ),
    "a decision that is a text": Damage(
        held(FEEDBACK, concluded(decision="True")), FEEDBACK, "not True or False"
    ),
    "observations that are a number": Damage(
        held(FEEDBACK, concluded(observations=1)), FEEDBACK, "`observations` is of type int"
    ),
    "an exception that is a number": Damage(
        held(FEEDBACK, concluded(exception=1)), FEEDBACK, "not an exception"
    ),
    "feedback of another class": Damage(held(FEEDBACK, said()), FEEDBACK, NO_MESSAGE, "error"),
    "times that are a list": Damage(held(TIMES, [1]), TIMES, NO_MESSAGE, "error"),
    "times without an end": Damage(
        held(TIMES, {"start_time": SPAN["start_time"]}), TIMES, "`end_time` is missing"
    ),
    "times that are texts": Damage(
        held(TIMES, SPAN | {"end_time": "noon"}), TIMES, "`end_time` is of type str"
    ),
    "a step that ends before it begins": Damage(held(TIMES, BACKWARDS), TIMES, "before it begins"),
    "feedback before the result": Damage(
        renamed(FEEDBACK, "2020-01-01_00-00-00-000000.pkl"), FEEDBACK, "the clock went back"
    ),
    "a cost that is a text": Damage(
        held(COST, {"cost": "cheap", "model": "m"}), COST, "`cost` is of type str"
    ),
    "a cost that is a list": Damage(held(COST, []), COST, NO_MESSAGE, "error"),
    "an unknown scenario": Damage(
        held("scenario", Instance(Name("x", "KaggleScenario"))), "scenario", "none of Qlib's"
    ),
    "a scenario that is a dict": Damage(held("scenario", {}), "scenario", NO_MESSAGE, "error"),
    "an empty file": Damage(cut(FEEDBACK, 0), FEEDBACK, "damaged", "error"),
    "an envelope cut in its mark": Damage(cut(FEEDBACK, 11), FEEDBACK, "damaged", "error"),
    "an envelope cut in its signature": Damage(cut(FEEDBACK, 40), FEEDBACK, "damaged", "error"),
    "a signed pickle cut off": Damage(
        lambda folder: only(folder, FEEDBACK).write_bytes(sign_pickle(b"\x80\x05]", KEY)),
        FEEDBACK,
        "damaged",
        "error",
    ),
    "bytes that are no pickle": Damage(
        lambda folder: only(folder, FEEDBACK).write_bytes(sign_pickle(b"hello", KEY)),
        FEEDBACK,
        "damaged",
        "error",
    ),
    "a changed message": Damage(forged, FEEDBACK, "signature", "error"),
    "a message without a signature": Damage(
        lambda folder: only(folder, FEEDBACK).write_bytes(encode_pickle(concluded(), 5)),
        None,
        "1 messages are not signed",
    ),
    "a gigabyte": Damage(sparse, RESULT, "larger than 64 MiB; not read", "error"),
    "lists in lists": Damage(
        lambda folder: only(folder, RESULT).write_bytes(nested(200_000)), RESULT, "refused", "error"
    ),
    "a link instead of a message": Damage(linked(RESULT), RESULT, "a link", "error"),
    "a link instead of a loop": Damage(linked_folder, "Loop_0", "a link", "error"),
    "a pipe instead of a message": Damage(piped, FEEDBACK, "a pipe"),
    "a folder instead of a message": Damage(
        enfoldered,
        None,
        "",
    ),
    "a name that is no time": Damage(renamed(FEEDBACK, "later.pkl"), FEEDBACK, "is no time"),
    "a name of a day that never was": Damage(
        renamed(FEEDBACK, "2026-02-30_00-00-00-000000.pkl"), FEEDBACK, "is no time"
    ),
    "a process id that is a word": Damage(
        beside("Loop_0/running/runner result/main/2026-01-01_00-00-00-000000.pkl", result()),
        "Loop_0/running/runner result/main",
        "where RD-Agent writes none",
    ),
    "two workspaces for one loop": Damage(another_result, RESULT, "several workspaces claim"),
    "two loops for one workspace": Damage(same_workspace, None, "is claimed by several loops"),
}
