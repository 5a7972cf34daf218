"""A lake beside a dictionary: whatever is done to both, in whatever order, both say the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rdlake.catalog.diff import diff
from rdlake.catalog.publish import PublishReport, publish, release, rollback
from rdlake.catalog.time_travel import as_of
from rdlake.catalog.verify import verify
from rdlake.catalog.version import history
from rdlake.errors import BadInput, UnknownVersion
from rdlake.library import Library
from rdlake.operations.doctor import examine, repair
from rdlake.operations.maintain import maintain
from rdlake.store import log_cleanup
from rdlake.store.opening import init_store, open_store
from tests.model.catalog_answers import (
    STORED,
    all_changes,
    all_changes_of,
    answers_of,
    changes_of,
    stored_in,
)
from tests.model.folders import TORN, Folder, Metrics, answers
from tests.model.lake_model import LakeModel, changes

ABOUT_THEN = (-1, 0, 1, 10**9)
"""Microseconds from the moment of a publication."""
FRESH = Folder("factor", (("IC", 0.1),), 0.001, ("MOM",))

names = st.sampled_from(["a", "b", "工作 #1'"])
metrics = st.sampled_from(
    [None, (), (("IC", math.nan),), (("IC", 0.1),), (("IC", 0.2), ("Größe 'x'", -0.0))]
)
curves = st.sampled_from([None, TORN, 0.001, 0.002])
factors = st.sampled_from([None, ("MOM",), ("MOM", "动量"), ("动量", "MOM")])
folders = st.builds(Folder, st.sampled_from(["factor", "model"]), metrics, curves, factors)
published = st.runner().flatmap(lambda machine: st.integers(1, len(machine.model.published)))
something_is_published = precondition(lambda machine: bool(machine.model.published))
a_rollback_holds = precondition(lambda machine: machine.model.held)


class LakeMachine(RuleBasedStateMachine):
    """Steps that are done to a real lake and to its model."""

    roots: ClassVar[Iterator[Path]]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        root = next(self.roots)
        self.workspaces = root / "workspaces"
        self.workspaces.mkdir(parents=True)
        self.lake = init_store(root / "lake")
        self.other = open_store(root / "lake")
        self.model = LakeModel()
        self.root = root

    @initialize(at_once=st.booleans())
    def begin(self, at_once: bool) -> None:
        if at_once:
            self.publish(repin=False)

    # --- what RD-Agent does --------------------------------------------------------------

    @rule(name=names, folder=folders)
    def write(self, name: str, folder: Folder) -> None:
        self._on_disk(name, folder)

    @rule(name=names, metrics=metrics)
    def change_metrics(self, name: str, metrics: Metrics | None) -> None:
        self._on_disk(name, replace(self.model.disk.get(name, FRESH), metrics=metrics))

    @rule(name=names, curve=curves)
    def change_curve(self, name: str, curve: float | str | None) -> None:
        self._on_disk(name, replace(self.model.disk.get(name, FRESH), curve=curve))

    @rule(name=names, factors=factors)
    def change_factors(self, name: str, factors: tuple[str, ...] | None) -> None:
        self._on_disk(name, replace(self.model.disk.get(name, FRESH), factors=factors))

    @rule(name=names, part=st.sampled_from(["metrics", "curve", "factors"]))
    def remove_a_file(self, name: str, part: str) -> None:
        self._on_disk(name, self.model.disk.get(name, FRESH).without(part))

    @rule(name=names)
    def remove_the_folder(self, name: str) -> None:
        self.model.disk.pop(name, None)
        rmtree(self.workspaces / name, ignore_errors=True)

    def _on_disk(self, name: str, folder: Folder) -> None:
        self.model.disk[name] = folder
        folder.write(self.workspaces / name)

    # --- what is done to the lake --------------------------------------------------------

    @rule()
    def ingest(self) -> None:
        if not self.model.disk:
            with pytest.raises(BadInput):
                Library(self.lake).ingest(self.workspaces, charts=False)
            return
        report = Library(self.lake).ingest(self.workspaces, charts=False)
        changed = self.model.ingest()
        assert [(each.workspace_id, each.status) for each in report.outcomes] == changed
        assert report.unchanged == len(self.model.disk) - len(changed)
        assert (report.batches, report.root_findings) == (bool(changed), ())

    @rule(repin=st.sampled_from([False, False, False, True]))
    def publish(self, repin: bool) -> None:
        self._published(publish(self.lake, repin=repin), self.model.outcome(repin=repin))

    @a_rollback_holds
    @rule()
    def release(self) -> None:
        self._published(release(self.lake), self.model.outcome(release=True))

    def _published(self, report: PublishReport, expected: str) -> None:
        assert report.outcome == expected
        if expected == "published":
            self.model.publish(report.version.published_at)
        assert report.version.catalog_version == len(self.model.published)

    @something_is_published
    @rule(number=published)
    def rollback(self, number: int) -> None:
        report = rollback(self.lake, number)
        assert report.outcome == self.model.outcome_of_rollback(number)
        assert report.version.rolled_back_to == number
        if report.outcome == "published":
            self.model.rollback(number, report.version.published_at)
        assert report.version.catalog_version == len(self.model.published)

    @rule()
    def maintain(self) -> None:
        maintain(self.lake, older_than_hours=0)
        stored = answers(self.model.lake)
        assert stored_in(self.lake) == {view: set(stored[view]) for view in STORED}

    @rule()
    def refresh(self) -> None:
        self.ingest()
        self._published(publish(self.lake), self.model.outcome())

    @rule()
    def work_from_the_other_process(self) -> None:
        """It opened the lake long ago."""
        self.lake, self.other = self.other, self.lake

    @rule()
    def open_again(self) -> None:
        self.lake = open_store(self.lake.root)

    # --- what is asked -------------------------------------------------------------------

    @something_is_published
    @rule(number=published)
    def connect(self, number: int) -> None:
        version = self.model.published[number - 1]
        found, versions = answers_of(self.lake.root, number)
        expected = version.answers()
        for view, rows in expected.items():
            assert found[view] == rows, f"{view} of version {number}"
        known = self.model.published[:number]
        assert versions == [(each.number, each.back_to) for each in known]

    @something_is_published
    @rule(before=published, after=published)
    def diff(self, before: int, after: int) -> None:
        old, new = (self.model.published[number - 1] for number in (before, after))
        diffs = diff(self.lake, before, after)
        found, added, removed = changes_of(diffs)
        assert found == changes(old, new)
        assert added == sorted(name for name, _ in new.ingests[len(old.ingests) :])
        assert removed == sorted(name for name, _ in old.ingests[len(new.ingests) :])
        assert all_changes_of(diffs) == all_changes(self.lake.root, before, after)

    @something_is_published
    @rule(number=published, microseconds=st.sampled_from(ABOUT_THEN))
    def as_of(self, number: int, microseconds: int) -> None:
        moment = self.model.published[number - 1].at + timedelta(microseconds=microseconds)
        if expected := self.model.current(moment):
            assert as_of(self.lake, moment).catalog_version == expected.number
        else:
            with pytest.raises(UnknownVersion):
                as_of(self.lake, moment)

    @rule(deep=st.booleans())
    def verify(self, deep: bool) -> None:
        report = verify(self.lake, deep=deep)
        assert report.faults == ()
        assert report.versions == len(self.model.published)

    @rule()
    def doctor(self) -> None:
        health = examine(self.lake.root)
        assert health.faults == ()
        assert health.catalog_version == (len(self.model.published) or None)
        assert repair(self.lake.root) == []

    # --- always --------------------------------------------------------------------------

    @invariant()
    def versions_have_no_gap(self) -> None:
        type(self).steps += 1
        assert [each.catalog_version for each in history(self.lake)] == [
            each.number for each in self.model.published
        ]

    def teardown(self) -> None:
        """Whatever was done: upkeep has removed what it may, what was read is published, the first
        and the last version say what they said."""
        self.maintain()
        self._published(release(self.lake), self.model.outcome(release=True))
        last = len(self.model.published)
        for number in {1, last}:
            self.connect(number)
            self.as_of(number, -1)
            self.as_of(number, 0)
        self.diff(1, last)
        self.verify(deep=True)
        self.doctor()
        rmtree(self.root)


@pytest.fixture(autouse=True)
def small_lakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ever new folders; upkeep compacts and prunes what few steps leave, logs too."""
    monkeypatch.setattr("rdlake.operations.maintain.FILES_WORTH_COMPACTING", 2)
    monkeypatch.setattr("rdlake.operations.maintain.CATALOG_FILES_KEPT", 3)
    monkeypatch.setattr(log_cleanup, "VERSIONS_KEPT", 3)
    folders = (tmp_path / str(number) for number in count())
    monkeypatch.setattr(LakeMachine, "roots", folders, raising=False)


def run(examples: int, steps: int, *, derandomize: bool) -> None:
    run_state_machine_as_test(
        LakeMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=derandomize,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.guards
def test_a_lake_does_what_its_model_does() -> None:
    run(2, 40, derandomize=True)


@pytest.mark.guards
def test_a_lake_does_what_its_model_does_in_hundreds_of_steps() -> None:
    run(6, 50, derandomize=True)


@pytest.mark.slow
@pytest.mark.parametrize("half", ["one half", "the other half"])
def test_a_lake_does_what_its_model_does_in_thousands_of_steps(half: str) -> None:
    run(63, 100, derandomize=False)
