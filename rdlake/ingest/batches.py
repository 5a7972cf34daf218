"""Read items in batches: the next batch is read while one is committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""A callback that takes how many items are done, of how many."""

MAX_ITEMS, MAX_SECONDS = 1_500, 20.0
"""A batch ends at either, so that a stop loses little and a table gets few files."""


@dataclass(frozen=True, slots=True)
class Batch(Generic[Result]):
    """Hold what is committed together, and how many other items had nothing new."""

    items: Sequence[Result]
    unchanged: int


def read_in_batches(
    items: Sequence[Item], read: Callable[[Item], Result | None], on_progress: Progress | None
) -> Iterator[Batch[Result]]:
    """Yield what `read` makes of the items, batch by batch. An item has nothing new when that is
    None."""
    rest = iter(enumerate(items, start=1))

    def fill() -> Batch[Result]:
        results, unchanged, end = list[Result](), 0, time.monotonic() + MAX_SECONDS
        for done, item in rest:
            result = read(item)
            if result is None:
                unchanged += 1
            else:
                results.append(result)
            if on_progress:
                on_progress(done, len(items))
            if len(results) >= MAX_ITEMS or time.monotonic() > end:
                break
        return Batch(results, unchanged)

    with ThreadPoolExecutor(1) as reader:
        following = reader.submit(fill)
        while (batch := following.result()).items or batch.unchanged:
            following = reader.submit(fill)
            yield batch
