"""Build RD-Agent's own objects as its log messages hold them, by release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from rdlake.demo.pandas_pickles import Style, path, series
from rdlake.demo.pickles import Instance, Name

Action = Literal["factor", "model"]
Described = Mapping[str, object] | str

_CODER = "rdagent.components.coder"
_QLIB = "rdagent.scenarios.qlib"
_TASKS = {
    "factor": Name(f"{_CODER}.factor_coder.factor", "FactorTask"),
    "model": Name(f"{_CODER}.model_coder.model", "ModelTask"),
}
_WORKSPACES = {
    "factor": Name(f"{_CODER}.factor_coder.factor", "FactorFBWorkspace"),
    "model": Name(f"{_CODER}.model_coder.model", "ModelFBWorkspace"),
}
_EXPERIMENTS = {
    "factor": Name(f"{_QLIB}.experiment.factor_experiment", "QlibFactorExperiment"),
    "model": Name(f"{_QLIB}.experiment.model_experiment", "QlibModelExperiment"),
}
_SCENARIOS = {
    "fin_factor": Name(f"{_QLIB}.experiment.factor_experiment", "QlibFactorScenario"),
    "fin_model": Name(f"{_QLIB}.experiment.model_experiment", "QlibModelScenario"),
    "fin_quant": Name(f"{_QLIB}.experiment.quant_experiment", "QlibQuantScenario"),
    "fin_factor_report": Name(
        f"{_QLIB}.experiment.factor_from_report_experiment", "QlibFactorFromReportScenario"
    ),
}
_PROPOSAL = "rdagent.core.proposal"
_TEMPLATES = {"conf_baseline.yaml": "", "README.md": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Describe a factor or model that a loop proposes, its code and the coder's verdict on it.

    `model_type` and the fields after it belong to a model.
    """

    name: str
    workspace: PurePosixPath
    code: str
    accepted: bool | None = True
    description: str = "what it measures"
    formulation: str = "f = x"
    variables: Described = field(default_factory=lambda: {"$close": "close price"})
    model_type: str = "Tabular"
    architecture: str = "a linear layer"
    hyperparameters: Described = field(default_factory=lambda: {"hidden": "0"})
    training: Described = field(default_factory=lambda: {"n_epochs": "10", "lr": "1e-3"})


def scenario(word: str) -> Instance:
    """Return fin_factor's, fin_model's, fin_quant's or fin_factor_report's scenario."""
    return Instance(_SCENARIOS[word], {"_source_data": "", "_experiment_setting": ""})


def hypothesis(text: str, reason: str, action: Action | None) -> Instance:
    """Return a hypothesis; fin_quant's also names its action."""
    said: dict[str, object] = {"hypothesis": text, "reason": reason}
    said |= {f"concise_{part}": f"in short: {part}" for part in ("reason", "observation")}
    said |= {"concise_justification": "", "concise_knowledge": None}
    if action is None:
        return Instance(Name(_PROPOSAL, "Hypothesis"), said)
    quant = Name(f"{_QLIB}.proposal.quant_proposal", "QlibQuantHypothesis")
    return Instance(quant, said | {"action": action})


def task(proposal: Proposal, action: Action, coded: bool) -> Instance:
    """Return a task as it is proposed or, if `coded`, with the coder's mark on it."""
    common: dict[str, object] = {
        "variables": _plain(proposal.variables),
        "version": 1,
        "name": proposal.name,
        "description": proposal.description,
        "user_instructions": None,
        "base_code": None,
    }
    mark = {"factor_implementation": bool(coded and proposal.accepted)}
    if action == "factor":
        own = {"factor_name": proposal.name, "factor_formulation": proposal.formulation}
        return Instance(_TASKS[action], own | common | mark | {"factor_resources": None})
    own_of_model: dict[str, object] = {
        "formulation": proposal.formulation,
        "architecture": proposal.architecture,
        "hyperparameters": _plain(proposal.hyperparameters),
        "training_hyperparameters": _plain(proposal.training),
        "model_type": proposal.model_type,
    }
    marked = mark if mark["factor_implementation"] else {}
    return Instance(_TASKS[action], own_of_model | common | marked)


def sub_workspace(proposal: Proposal, action: Action, style: Style) -> Instance:
    """Return the workspace in which the coder wrote a task's code."""
    content = {
        "target_task": task(proposal, action, coded=True),
        "feedback": None,
        **_running_info(None, style),
        "file_dict": {f"{action}.py": proposal.code},
        "workspace_path": path(proposal.workspace, style),
        "ws_ckp": None,
        "change_summary": None,
    }
    return Instance(_WORKSPACES[action], content)


def coder_feedback(verdicts: Sequence[bool | None]) -> Instance:
    """Return the coder's verdicts on the tasks of a loop; None for a task that it did not reach."""
    home = f"{_CODER}.CoSTEER.evaluators"
    one = Name(home, "CoSTEERSingleFeedbackDeprecated")
    parts = [
        None if verdict is None else Instance(one, {"final_decision": verdict, "code_feedback": ""})
        for verdict in verdicts
    ]
    return Instance(Name(home, "CoSTEERMultiFeedback"), {"feedback_list": parts})


def experiment(
    action: Action,
    proposals: Sequence[Proposal],
    workspace: PurePosixPath | None,
    metrics: Mapping[str, float] | None,
    style: Style,
    **more: object,
) -> Instance:
    """Return an experiment; `more` has its hypothesis, based_experiments, base_features."""
    verdicts = coder_feedback([proposal.accepted for proposal in proposals])
    result = series(metrics, style) if metrics is not None else None
    content: dict[str, object] = {
        "hypothesis": None,
        "sub_tasks": [task(proposal, action, coded=True) for proposal in proposals],
        "sub_workspace_list": [sub_workspace(each, action, style) for each in proposals],
        "based_experiments": [],
        "experiment_workspace": _experiment_workspace(workspace, style) if workspace else None,
        "prop_dev_feedback": verdicts if action == "factor" and proposals else None,
        **_running_info(result, style),
        "stdout": "",
    }
    return Instance(_EXPERIMENTS[action], content | more)


def hypothesis_feedback(said: Mapping[str, object], style: Style) -> Instance:
    """Return what was concluded from a loop; releases up to 0.6 have fewer fields."""
    content: dict[str, object] = dict.fromkeys(
        ("observations", "hypothesis_evaluation", "new_hypothesis", "reason"), ""
    )
    if style.release >= "0.8":
        content |= {"code_change_summary": "", "eda_improvement": None, "acceptable": None}
        content |= {"exception": None}
    return Instance(Name(_PROPOSAL, "HypothesisFeedback"), content | dict(said))


def _experiment_workspace(place: PurePosixPath, style: Style) -> Instance:
    content = {
        "target_task": None,
        "feedback": None,
        **_running_info(None, style),
        "file_dict": dict(_TEMPLATES),
        "workspace_path": path(place, style),
    }
    return Instance(Name(f"{_QLIB}.experiment.workspace", "QlibFBWorkspace"), content)


def _running_info(result: Instance | None, style: Style) -> dict[str, object]:
    """Return where a result lies; in releases up to 0.6 it lies on the object itself."""
    if style.release < "0.8":
        return {"result": result}
    info = {"result": result, "running_time": None}
    return {"running_info": Instance(Name("rdagent.core.experiment", "RunningInfo"), info)}


def _plain(value: Described) -> object:
    return value if isinstance(value, str) else dict(value)
