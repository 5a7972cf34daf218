"""Tell from file names alone what a workspace folder was for."""

from __future__ import annotations

import re
from collections.abc import Collection

from rdlake.domain.experiment import Action, Role

_TEMPLATES: tuple[tuple[re.Pattern[str], Action | None], ...] = (
    (re.compile(r"conf_(baseline|combined|combined_factors.*)\.yaml", re.DOTALL), "factor"),
    (re.compile(r"conf_(baseline|sota)_factors_model.*\.yaml", re.DOTALL), "model"),
    (re.compile(r"conf\.yaml"), None),
)
_CODE: dict[str, Action] = {"factor.py": "factor", "model.py": "model"}
_FACTORS = "combined_factors_df.parquet"
_BACKTEST = frozenset({"qlib_res.csv", "ret.parquet", "ret.pkl"})
_ASIDE = frozenset({"runtime_info.py", "read_exp_res.py", "execution.lock", "result.h5", "mlruns"})
_FORK = frozenset(
    {
        "experiment_summary.json",
        "factor_meta.json",
        "factor_perf.json",
        "feedback.json",
        "manifest.json",
        "model_meta.json",
        "strategy_meta.json",
        "workspace_meta.json",
    }
)
_KNOWN = _BACKTEST | _ASIDE | _FORK | _CODE.keys() | {_FACTORS}


def is_rdagent_name(name: str) -> bool:
    """Return whether RD-Agent, or the fork, writes a file or folder of this name at the top of a
    workspace."""
    return name in _KNOWN or bool(_find_template_actions((name,)))


def classify(paths: Collection[str]) -> tuple[Role | None, Action | None]:
    """Return the role and action of a folder with these relative paths; no role when it is no
    workspace.

    The templates tell the action, never a result file. Templates of both kinds tell no action.
    """
    top = {path for path in paths if "/" not in path}
    tested = not top.isdisjoint(_BACKTEST) or any(path.startswith("mlruns/") for path in paths)
    if kinds := _find_template_actions(top):
        return _classify_templates(top, kinds, tested)
    if tested:
        return "experiment", None
    if code := top & _CODE.keys():
        return "sub", _CODE[code.pop()] if len(code) == 1 else None
    if _FACTORS in top:
        return "experiment", None
    if not paths or any(map(is_rdagent_name, top)):
        return "junk", None
    return None, None


def _find_template_actions(names: Collection[str]) -> set[Action | None]:
    """Return the actions of the templates among the names; None stands for a template that tells no
    action."""
    return {action for name in names for known, action in _TEMPLATES if known.fullmatch(name)}


def _classify_templates(
    top: set[str], kinds: set[Action | None], tested: bool
) -> tuple[Role, Action | None]:
    actions = kinds - {None}
    action = actions.pop() if len(actions) == 1 else None
    if tested and action == "factor" and top.isdisjoint({_FACTORS, "model.py"}):
        return "baseline", action
    begun = tested or _FACTORS in top or not top.isdisjoint(_CODE)
    return ("experiment" if begun else "unused"), action
