"""docs/external.md does what it says: its files are written, its commands run in their order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rdlake.store.opening import open_store
from tests.builders_prices import few_prices, write_prices
from tests.cli.run import run
from tests.ingest.external.ask import asked
from tests.places import DOCS

PAGE = (DOCS / "external.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILES = ("momentum.csv", "momentum.yaml", "topk.yaml")


@pytest.mark.slow
def test_the_page_of_what_comes_from_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_prices(tmp_path / "daily_pv.h5", few_prices())
    blocks = BLOCK.findall(PAGE)
    files = [text for kind, text in blocks if kind != "sh"]
    for name, text in zip(FILES, files, strict=True):
        (tmp_path / name).write_text(text, "utf-8")
    commands = [line for kind, text in blocks if kind == "sh" for line in text.splitlines()]
    assert len(commands) == 6
    for again in (False, True):
        for command in commands:
            called, *arguments = shlex.split(command)
            assert called == "rdlake"
            done = run(capsys, *arguments)
            assert done.code == 0, (command, done.err)
            if again and arguments[0] in ("add", "alpha"):
                assert "unchanged" in done.out
                assert "added" not in done.out
    assert "动量_5日" in done.out
    lake = open_store("lake")
    sources = (
        "SELECT source, count(*)::BIGINT AS factors FROM factor_catalog GROUP BY ALL ORDER BY ALL"
    )
    assert asked(lake, sources) == [
        {"source": "external_manual", "factors": 1},
        {"source": "qlib_alpha158", "factors": 158},
        {"source": "qlib_alpha360", "factors": 360},
    ]
    (figures,) = lake.read("factor_perf").to_dicts()
    assert (figures["finite_values"], figures["ic_days"]) == (5, 2)
    (strategy,) = lake.read("strategies").to_dicts()
    assert (strategy["name"], strategy["topk"]) == ("topk50", 50)
