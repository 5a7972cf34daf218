"""Read what `mlruns/` records about one workspace's back-test. Nothing is run, links are never
followed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import polars as pl

from rdlake.domain.experiment import FactorColumn, Finding, SourceFile
from rdlake.domain.ids import model_id, runs_model_file, strategy_id
from rdlake.domain.recording import Configuration, Json, Profile, Recording, Weights
from rdlake.sources.backtest.metrics import report_missing_ic
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain
from rdlake.sources.mlruns import frames
from rdlake.sources.mlruns.configuration import read_params, read_task, read_yaml_configuration
from rdlake.sources.mlruns.features import order_features
from rdlake.sources.mlruns.plain import read_pickled_json, read_pickled_texts
from rdlake.sources.mlruns.runs import RecordedRun, choose_run, read_runs
from rdlake.sources.pickles import Refused
from rdlake.sources.workspace.hashing import open_file

MAX_FRAME = frames.LARGE.size

_T = TypeVar("_T")
_STORES = re.compile(r"(mlruns/)?(mlflow|mlruns)\.(db|sqlite|sqlite3)")
_WEIGHTS = re.compile(r"(params|model|trained_model)(\.(pkl|joblib|bin|onnx|pt|pth))?")
_CONFIG = re.compile(r"[^\s/\\'\"]+\.ya?ml(?=[\s'\"]|$)")
_ANEW = "run the back-test again if its configuration and scores are needed"
_MEND = "mend or remove it and ingest again"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedFolder:
    """Describe a workspace for the reader of its recording.

    It has the place of the workspace, its files by path, the bytes of the parsed files, and the
    content of qlib_res.csv and of the factor table.
    """

    path: Path
    files: Mapping[str, SourceFile]
    contents: Mapping[str, bytes]
    metrics: Mapping[str, float | None] | None
    factors: tuple[FactorColumn, ...] | None


def read_recording(folder: RecordedFolder) -> tuple[Recording | None, list[Finding]]:
    """Return the recording of the workspace's own finished run, and each problem.

    None when there is no such run. A bad file costs what it holds and nothing else.
    """
    runs, findings = read_runs(folder.contents)
    findings += _report_databases(folder.files)
    if not any(path.startswith("mlruns") for path in folder.files):
        return None, findings
    if "mlruns" in folder.files and folder.files["mlruns"].kind == "link":
        reason = "a link; links are never followed, nothing of the back-test's recording was read"
        findings.append(Finding("warning", "mlruns", reason, "put the folder itself in its place"))
        return None, findings
    choice = choose_run(runs, folder.path.name, folder.metrics)
    findings += choice.findings
    if choice.run is None:
        return None, findings
    reading = _RecordingReader(folder, choice.run, findings)
    return reading.build(), findings


def read_label(folder: Path, file: SourceFile | None) -> tuple[pl.DataFrame | None, list[Finding]]:
    """Return label.pkl as date, instrument, label, whatever its column is called; null for a number
    that is not finite.

    None and an error when it is damaged or changed since it was hashed.
    """
    if file is None:
        return None, []
    return _read_frame(folder, file, "label")


def read_template(folder: Path, file: SourceFile) -> tuple[Configuration | None, list[Finding]]:
    """Return the configuration of a YAML file that ran according to a trace.

    None and a warning when it is an unfilled template, or no configuration.
    """
    try:
        return read_yaml_configuration(_read_bytes(folder, file), file.path)
    except (Unreadable, OSError) as error:
        reason = f"no configuration can be read from it: {explain(error)}"
        return None, [Finding("warning", file.path, reason, _ANEW)]


def _report_databases(files: Mapping[str, SourceFile]) -> list[Finding]:
    reason = "mlflow's records in a database; not read"
    return [
        Finding("warning", path, reason, "run with mlflow's file store to have them read")
        for path in files
        if _STORES.fullmatch(path)
    ]


def _read_frame(
    folder: Path, file: SourceFile, name: str
) -> tuple[pl.DataFrame | None, list[Finding]]:
    try:
        return frames.read_rows(_read_bytes(folder, file), name), []
    except (Refused, OSError) as error:
        return None, [Finding("error", file.path, f"cannot be read: {explain(error)}", _MEND)]


def _read_bytes(folder: Path, file: SourceFile) -> bytes:
    """Return the bytes that were hashed. OSError when the file changed since."""
    if file.kind == "link":
        raise OSError("a link; links are never followed")
    if (file.size or 0) > MAX_FRAME:
        raise OSError(f"larger than {MAX_FRAME >> 20} MiB")
    descriptor, _ = open_file(os.fspath(folder / file.path))
    with os.fdopen(descriptor, "rb") as opened:
        data = opened.read((file.size or 0) + 1)
    if sha256(data).hexdigest() != file.sha256:
        raise OSError("it changed since it was hashed")
    return data


class _RecordingReader:
    """Read the files of one run; problems go to `findings`."""

    def __init__(self, folder: RecordedFolder, run: RecordedRun, findings: list[Finding]) -> None:
        self.folder = folder
        self.run = run
        self.findings = findings

    def build(self) -> Recording:
        run = self.run
        found = _CONFIG.findall(run.params.get("cmd-sys.argv", ""))
        config_name = found[-1] if found else None
        configuration = self.read_configuration(config_name)
        ic, rank_ic = self.read_daily("ic"), self.read_daily("ric")
        scores = self.read_rows("pred.pkl", "score")
        label = self.read_rows("label.pkl", "label")
        names = [factor.name for factor in self.folder.factors or ()]
        factors = names if self.folder.factors is not None else None
        order = order_features(configuration, factors) if configuration else None
        weights = self.find_weights()
        profile = _build_profile(configuration, scores, label)
        self.warn_of_data(profile, ic)
        return Recording(
            recorder_id=run.recorder_id,
            mlflow_experiment_id=run.mlflow_experiment_id,
            status=run.status,
            started_at=run.started_at,
            ended_at=run.ended_at,
            metrics=run.metrics,
            params=run.params,
            config_name=config_name,
            configuration=configuration,
            feature_order=order,
            strategy_id=self.make_strategy_id(configuration),
            model_id=self.make_model_id(configuration, order, weights),
            weights=weights,
            label_file=run.file("artifacts/label.pkl") if label is not None else None,
            ic=ic,
            rank_ic=rank_ic,
            portfolio=self.read_portfolio(),
            signals=self.select_signals(scores, configuration),
            profile=profile,
        )

    def warn(self, file: str, reason: str, fix: str = _ANEW) -> None:
        self.findings.append(Finding("warning", file, reason, fix))

    def read_file(self, name: str, reader: Callable[[bytes], _T]) -> _T | None:
        """Return what a file of the run holds; None when it is missing or cannot be read."""
        path = self.run.file(name)
        file = self.folder.files.get(path)
        if file is None:
            return None
        if file.kind == "link":
            self.warn(path, "a link; links are never followed", "put the file itself in its place")
        elif path in self.folder.contents:
            try:
                return reader(self.folder.contents[path])
            except (Refused, Unreadable) as error:
                reason = f"cannot be read: {explain(error)}"
                self.findings.append(Finding("error", path, reason, _MEND))
        elif file.sha256 is not None:
            self.findings.append(Finding("error", path, "too large to be read", _MEND))
        return None

    def read_configuration(self, config_name: str | None) -> Configuration | None:
        """Return the configuration from the pickled task, else the parameters, else the YAML that
        ran."""
        path = self.run.file("artifacts/task")
        outer = self.read_file("artifacts/config", read_pickled_texts)
        found = self.read_file(
            "artifacts/task", lambda data: self.convert_task(read_pickled_json(data), path, outer)
        )
        if found:
            return self.add_freq(found)
        tried: list[str] = [] if path in self.folder.files else ["no artifacts/task"]
        for source in (self._from_params, lambda: self._from_yaml(config_name)):
            try:
                return self.add_freq(source())
            except Unreadable as error:
                tried.append(str(error))
        self.warn(self.run.folder, f"the configuration that ran is not known: {'; '.join(tried)}")
        return None

    def add_freq(self, configuration: Configuration) -> Configuration:
        """Return the configuration with the bar length in the names of qlib's reports, if it has
        none."""
        report = self.run.file("artifacts/portfolio_analysis/report_normal_")
        bars = [path[len(report) : -4] for path in self.folder.files if path.startswith(report)]
        if configuration.freq or len(bars) != 1:
            return configuration
        return replace(configuration, freq=bars[0])

    def convert_task(self, task: Json, path: str, outer: Json) -> Configuration:
        configuration, found = read_task(task, "task", path, outer)
        self.findings += found
        return configuration

    def _from_params(self) -> Configuration:
        if not self.run.params:
            raise Unreadable("no params")
        configuration, found = read_params(self.run.params, self.run.file("params"))
        self.findings += found
        return configuration

    def _from_yaml(self, config_name: str | None) -> Configuration:
        if config_name is None:
            raise Unreadable("no name of a configuration file")
        if config_name not in self.folder.contents:
            raise Unreadable(f"{config_name} is missing or was not read")
        try:
            configuration, found = read_yaml_configuration(
                self.folder.contents[config_name], config_name
            )
        except Unreadable as error:
            raise Unreadable(f"{config_name}: {error}") from error
        self.findings += found
        return configuration

    def make_strategy_id(self, configuration: Configuration | None) -> str | None:
        if configuration is None:
            return None
        code = self.folder.files.get("model.py")
        if runs_model_file(configuration) and (code is None or code.sha256 is None):
            self.warn("model.py", "missing: without the model's code its strategy has no id")
            return None
        return strategy_id(configuration, code.sha256 if code else None)

    def make_model_id(
        self,
        configuration: Configuration | None,
        order: tuple[str, ...] | None,
        weights: Weights | None,
    ) -> str | None:
        if configuration is None and weights is None:
            return None
        code = self.folder.files.get("model.py")
        own = configuration is not None and runs_model_file(configuration)
        return model_id(
            self.folder.path.name,
            configuration.model_config if configuration else None,
            order,
            weights.sha256 if weights else None,
            code.sha256 if code and own else None,
        )

    def find_weights(self) -> Weights | None:
        prefix = self.run.file("artifacts/")
        for path, file in self.folder.files.items():
            named = path.startswith(prefix) and _WEIGHTS.fullmatch(path.removeprefix(prefix))
            if named and file.sha256 is not None:
                return Weights(path, file.sha256)
        return None

    def read_rows(self, name: str, column: str) -> pl.DataFrame | None:
        path = self.run.file(f"artifacts/{name}")
        file = self.folder.files.get(path)
        if file is None:
            if self.run.file("artifacts/task") in self.folder.files:
                self.warn(path, "missing: the run left no such file")
            return None
        if file.kind == "file" and file.sha256 is None:
            return None  # a finding of the file itself
        frame, found = _read_frame(self.folder.path, file, column)
        self.findings += found
        return frame

    def read_daily(self, name: str) -> pl.DataFrame | None:
        return self.read_file(
            f"artifacts/sig_analysis/{name}.pkl", lambda data: frames.read_daily(data, "value")
        )

    def read_portfolio(self) -> Mapping[str, float | None] | None:
        start = self.run.file("artifacts/portfolio_analysis/port_analysis_")
        names = [path for path in self.folder.files if path.startswith(start)]
        if not names:
            return None
        return self.read_file(names[0].removeprefix(f"{self.run.folder}/"), frames.read_figures)

    def select_signals(
        self, scores: pl.DataFrame | None, configuration: Configuration | None
    ) -> pl.DataFrame | None:
        if scores is None:
            return None
        ranked = frames.select_top(scores, configuration.topk if configuration else None)
        if ranked.select("date", "instrument").is_duplicated().any():
            path = self.run.file("artifacts/pred.pkl")
            reason = "an instrument has two scores on one day; the signals were not used"
            self.findings.append(Finding("error", path, reason, _MEND))
            return None
        return ranked

    def warn_of_data(self, profile: Profile | None, ic: pl.DataFrame | None) -> None:
        """Warn of data on which no back-test can be right."""
        if profile and profile.instruments == 1:
            path = self.run.file("artifacts/pred.pkl")
            self.warn(path, "scores of one instrument only", "look at the data qlib was given")
        stated = self.folder.metrics or {}
        if "IC" in stated and stated["IC"] is None:
            return  # qlib_res.csv has a finding already
        if ic is not None and ic["value"].null_count() == ic.height:
            self.findings.append(report_missing_ic(self.run.file("artifacts/sig_analysis/ic.pkl")))
        elif ic is None and "IC" not in stated and self.run.metrics.get("IC", "").lower() == "nan":
            self.findings.append(report_missing_ic(self.run.file("metrics/IC")))


def _build_profile(
    configuration: Configuration | None, scores: pl.DataFrame | None, label: pl.DataFrame | None
) -> Profile | None:
    rows = scores if scores is not None else label
    if rows is None:
        return None
    days = rows["date"].unique().sort()
    return Profile(
        market=configuration.market if configuration else None,
        instruments=rows["instrument"].n_unique(),
        days=len(days),
        first=days[0],
        last=days[-1],
        score_missing=_share_missing(scores),
        label_missing=_share_missing(label),
    )


def _share_missing(rows: pl.DataFrame | None) -> float | None:
    return None if rows is None else rows.to_series(2).null_count() / rows.height
