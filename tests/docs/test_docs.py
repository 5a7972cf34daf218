"""The documentation tells the truth: its commands exist, its queries give the output shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rdlake.cli.main import COMMANDS
from rdlake.demo.sample import sample_workspaces
from rdlake.library import Library
from rdlake.store.opening import init_store
from tests.places import REPOSITORY
from tests.test_architecture import LAYERS

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
QUERY = re.compile(r"```sql\n(SELECT.*?)```\n```\n(.*?)```", re.DOTALL)

ASK = """
import json, sys, duckdb
reader = duckdb.connect()
reader.execute("ATTACH '" + sys.argv[1] + "/catalog.duckdb' AS rd (READ_ONLY)")
cursor = reader.execute(sys.argv[2].rstrip().rstrip(';'))
lines = [[column[0] for column in cursor.description], *cursor.fetchall()]
print(json.dumps([[str(cell) for cell in line] for line in lines]))
"""


def readme_queries() -> list[tuple[str, str]]:
    return QUERY.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = init_store(tmp_path_factory.mktemp("sample") / "lake")
    Library(lake).ingest(sample_workspaces())
    Library(lake).publish()
    return lake.root


def test_the_readme_has_three_queries() -> None:
    assert len(readme_queries()) == 3


@pytest.mark.parametrize(("query", "shown"), readme_queries())
def test_the_readme_shows_what_plain_duckdb_answers(sample: Path, query: str, shown: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(sample), query], capture_output=True, text=True, check=True
    )
    answer = [" | ".join(line) for line in json.loads(done.stdout)]
    assert answer == shown.strip().splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:^|`)rdlake ([a-z]+)", text, re.MULTILINE)) <= set(COMMANDS)
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert "://" in link or (page.parent / link).exists(), link


def test_the_drawing_of_the_architecture_shows_every_room_in_its_order() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawing = text.split("```")[1].partition("foundations")[2]
    places = [re.search(rf"\b{name}\b", drawing) for name in LAYERS]
    assert all(places)
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts)


def test_the_constraints_hold_no_address() -> None:
    text = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    assert re.fullmatch(r"(?:[A-Za-z0-9._-]+==[0-9A-Za-z.]+\n)+", text)
