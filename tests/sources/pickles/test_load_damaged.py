"""Cut and change bytes of real pickles: they are refused or read as something else, and never
crash."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rdlake.sources.pickles import Refused, as_frame, as_series, as_value, load
from tests.places import WRITERS

FILES = sorted(
    path for name in ("protocol0", "protocol4", "protocol5", "scalars", "objects")
    for path in WRITERS.glob(f"pandas-*/{name}.pkl")
)  # fmt: skip
TRIES = 60


def read(data: bytes) -> None:
    """Load and decode as far as possible; anything but a refusal is a mistake of the reader."""
    try:
        value = load(data)
    except Refused:
        return
    for part in value.values() if isinstance(value, dict) else [value]:
        for door in (as_value, as_frame, as_series):
            try:
                door(part)
            except Refused:
                continue


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_changed_bytes_are_refused_or_read(path: Path) -> None:
    whole, chance = path.read_bytes(), random.Random(path.stem)
    for _ in range(TRIES):
        changed = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 8))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        read(bytes(changed))


def test_every_shorter_pickle_is_refused() -> None:
    whole = (WRITERS / "pandas-3.0.0" / "protocol5.pkl").read_bytes()
    for size in range(0, len(whole) - 1, 7):
        with pytest.raises(Refused):
            load(whole[:size])
