"""Errors say what, where and the fix, also from another process."""

from __future__ import annotations

import copy

import pytest

from rdlake.errors import DamagedLake, ExitCode, RdlakeError

CLASSES: list[type[RdlakeError]] = [RdlakeError, *RdlakeError.__subclasses__()]


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_survives_the_way_from_another_process(kind: type[RdlakeError]) -> None:
    error = copy.copy(kind("what happened", where="here", fix="do this"))
    assert type(error) is kind
    assert (error.what, error.where, error.fix) == ("what happened", "here", "do this")
    assert str(error) == "what happened\n  where: here\n  fix:   do this"


def test_there_are_at_most_eight_classes_below_one_base() -> None:
    assert len(CLASSES) <= 9
    assert all(issubclass(kind, RdlakeError) for kind in CLASSES)


def test_exit_codes_are_those_that_are_promised() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "PARTIAL": 3,
        "VERIFICATION_FAILED": 4,
        "NO_LAKE": 10,
    }


def test_an_error_made_from_facts_survives_it_too() -> None:
    error = copy.copy(DamagedLake.file("here", "it is torn"))
    assert type(error) is DamagedLake
    assert (error.what, error.where) == ("it is torn", "here")
    assert "from a copy of the lake" in error.fix
