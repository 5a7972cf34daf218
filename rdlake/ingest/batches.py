"""Reading in batches: the next one is read while one is committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")
Progress = Callable[[int, int], None]
"""Told how many are done, of how many."""

MOST, SECONDS = 1_500, 20.0
"""A batch ends at either, so that a stop loses little and a table gets few files."""


@dataclass(frozen=True, slots=True)
class Batch(Generic[Read]):
    """What is committed together, and how many items beside it had nothing new."""

    read: Sequence[Read]
    unchanged: int


def batches(
    items: Sequence[Item], read: Callable[[Item], Read | None], on_progress: Progress | None
) -> Iterator[Batch[Read]]:
    """What `read` makes of the items, batch by batch; None is nothing new."""
    rest = iter(enumerate(items, start=1))

    def fill() -> Batch[Read]:
        found, unchanged, give_over = list[Read](), 0, time.monotonic() + SECONDS
        for done, item in rest:
            each = read(item)
            if each is None:
                unchanged += 1
            else:
                found.append(each)
            if on_progress:
                on_progress(done, len(items))
            if len(found) >= MOST or time.monotonic() > give_over:
                break
        return Batch(found, unchanged)

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(fill)
        while (batch := coming.result()).read or batch.unchanged:
            coming = reader.submit(fill)
            yield batch
