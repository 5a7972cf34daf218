"""Test the report: all that is known on one page, which stays a page whatever the data says."""

from __future__ import annotations

import contextlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import rdlake
from rdlake.errors import BadInput, StorageFailed
from rdlake.exports.reports import write_report
from rdlake.exports.reports.page import GENERATOR, to_text
from rdlake.store.lake import Lake
from tests.cli.run import run
from tests.exports.browser import needs_browser, opened, requested
from tests.exports.odd import ODD, WORKSPACE

HOLDING = {"script", "iframe", "object", "embed", "link", "base", "form", "img", "foreignObject"}
"""Elements that load or run something; a report has none."""
LOCAL = re.compile(r"#[\w.-]+$")


class Page(HTMLParser):
    """Collect what a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


@pytest.fixture(scope="module")
def names(everything: Lake) -> tuple[str, str]:
    """Provide the recorded experiment, which has all there can be, and a factor with an IC."""
    with contextlib.closing(rdlake.connect(everything.root)) as connection:
        (strategy,) = connection.execute(
            "SELECT workspace_id FROM loop_catalog WHERE strategy_id IS NOT NULL"
        ).fetchall()
        factors = connection.execute(
            "SELECT name FROM factor_catalog WHERE latest_performance.ic_days > 0 ORDER BY name"
        ).fetchall()
    return strategy[0], factors[-1][0]


@pytest.fixture(scope="module")
def pages(
    everything: Lake, names: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    called = {"experiment": names[0], "factor": names[1], "hostile": WORKSPACE, "odd": ODD}
    return {
        name: write_report(everything, text, folder / f"{name}.html")
        for name, text in called.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["experiment", "factor", "hostile", "odd"])
def test_nothing_in_it_leads_out_or_runs(pages: dict[str, Path], name: str) -> None:
    text = pages[name].read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert not {tag for tag, _ in page.elements} & {each.lower() for each in HOLDING}
    for tag, attributes in page.elements:
        for key, value in attributes.items():
            assert not key.startswith("on"), (tag, key)
            if key in ("src", "href", "xlink:href", "action", "srcset", "data", "ping"):
                assert LOCAL.match(value), (tag, key, value)
            for target in re.findall(r"url\((.*?)\)", value):
                assert LOCAL.match(target), (tag, key, value)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style and "@import" not in style and "@media print" in style
    policy = [each["content"] for tag, each in page.elements if each.get("http-equiv")]
    assert policy == [
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ]


@pytest.mark.parametrize("name", ["experiment", "factor"])
def test_references_inside_it_are_kept_and_ids_are_single(
    pages: dict[str, Path], name: str
) -> None:
    elements = Page(pages[name].read_text(encoding="utf-8")).elements
    ids = [each["id"] for _, each in elements if "id" in each]
    assert ids and len(ids) == len(set(ids))
    text = pages[name].read_text(encoding="utf-8")
    used = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
    assert used and used <= set(ids)


def test_an_experiment_is_told_in_full(
    everything: Lake, names: tuple[str, str], pages: dict[str, Path]
) -> None:
    page = Page(pages["experiment"].read_text(encoding="utf-8"))
    with contextlib.closing(rdlake.connect(everything.root)) as connection:
        query = "SELECT * FROM loop_catalog WHERE workspace_id = ?"
        answer = connection.execute(query, [names[0]])
        columns = [each[0] for each in answer.description or ()]
        loop = dict(zip(columns, answer.fetchone() or (), strict=True))
        comments = dict(
            connection.execute(
                "SELECT column_name, comment FROM duckdb_columns() "
                "WHERE table_name = 'loop_catalog' AND schema_name = 'main'"
            ).fetchall()
        )
    for name in ("ic", "sharpe", "annual_return_with_cost", "max_drawdown_with_cost"):
        assert loop[name] is not None
        assert to_text(loop[name]) in page.words
        assert comments[name] in page.words
    assert sum(tag == "svg" for tag, _ in page.elements) == 2
    for title in ("The experiment", "Figures", "Curve", "Configuration that ran", "Every metric"):
        assert title in page.words
    for name, value in loop["metrics"].items():
        assert name in page.words
        assert value is None or to_text(value) in page.words


def test_a_factor_is_told_with_its_own_figures(pages: dict[str, Path]) -> None:
    page = Page(pages["factor"].read_text(encoding="utf-8"))
    assert sum(tag == "svg" for tag, _ in page.elements) == 3
    for title in ("The factor", "Days", "Figures", "What the columns mean"):
        assert title in page.words


def test_code_is_shown_as_it_was_kept(everything: Lake, tmp_path: Path) -> None:
    with contextlib.closing(rdlake.connect(everything.root)) as connection:
        (name,) = connection.execute(
            "SELECT workspace_id FROM artifact_list WHERE artifact_type = 'code' "
            "AND workspace_id IN (SELECT workspace_id FROM loop_catalog) ORDER BY ALL"
        ).fetchone() or ("",)
        paths = connection.execute(
            "SELECT path FROM artifact_list WHERE artifact_type = 'code' AND workspace_id = ?",
            [name],
        ).fetchall()
    page = Page(write_report(everything, name, tmp_path / "code.html").read_text("utf-8"))
    (folder,) = (everything.root.parent / "demo").rglob(name)
    for (path,) in paths:
        assert path in page.words
        assert (folder / path).read_text("utf-8") in page.words


def test_hostile_names_are_only_words(pages: dict[str, Path]) -> None:
    for name in ("hostile", "odd"):
        text = pages[name].read_text(encoding="utf-8")
        assert "<script" not in text
        assert ODD in Page(text).text
    assert Page(pages["odd"].read_text("utf-8")).words.count(ODD) >= 2


def test_the_same_version_gives_the_same_bytes(
    everything: Lake, names: tuple[str, str], pages: dict[str, Path], tmp_path: Path
) -> None:
    for kind, name in zip(("experiment", "factor"), names, strict=True):
        again = write_report(everything, name, tmp_path / "again.html", version=1)
        assert again.read_bytes() == pages[kind].read_bytes()


@pytest.mark.slow
def test_only_a_report_is_replaced(
    everything: Lake, names: tuple[str, str], tmp_path: Path
) -> None:
    mine, link = tmp_path / "mine.html", tmp_path / "link.html"
    mine.write_text("<p>mine</p>")
    (tmp_path / "folder.html").mkdir()
    link.symlink_to(write_report(everything, names[0], tmp_path / "report.html"))
    for target in (mine, link, tmp_path / "folder.html", tmp_path / "report.txt"):
        with pytest.raises(BadInput):
            write_report(everything, names[0], target)
    assert mine.read_text() == "<p>mine</p>"
    assert not (tmp_path / "report.txt").exists()
    with pytest.raises(StorageFailed):
        write_report(everything, names[0], tmp_path / "nowhere" / "report.html")
    before = (tmp_path / "report.html").read_bytes()
    write_report(everything, names[1], tmp_path / "report.html")
    after = (tmp_path / "report.html").read_bytes()
    assert before != after and GENERATOR.encode() in after
    assert not list(tmp_path.glob(".*"))


def test_the_command_says_what_it_does_not_know(
    everything: Lake, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = ["-o", tmp_path / "a.html", "--lake", everything.root]
    done = run(capsys, "report", "nothing of the kind", *place)
    assert (done.code, done.out) == (1, "")
    assert "no experiment is called so" in done.err
    done = run(capsys, "report", WORKSPACE, *place)
    assert (done.code, done.out.strip()) == (0, str(tmp_path / "a.html"))
    done = run(capsys, "report", WORKSPACE, *place, "--version", 7)
    assert done.code == 1


@needs_browser
@pytest.mark.parametrize("name", ["experiment", "hostile"])
def test_a_browser_shows_it_and_asks_for_nothing(
    pages: dict[str, Path], tmp_path: Path, name: str
) -> None:
    assert requested(pages[name], tmp_path) == set()
    opened(pages[name], tmp_path, f"--screenshot={tmp_path / 'page.png'}")
    assert (tmp_path / "page.png").stat().st_size > 10_000


@needs_browser
def test_the_browser_would_tell_of_a_request(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<img src="http://127.0.0.1:9/picture.png">')
    assert requested(page, tmp_path) == {"http://127.0.0.1:9/picture.png"}
