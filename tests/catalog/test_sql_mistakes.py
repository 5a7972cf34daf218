"""Every mistake in a file of `sql/` is an error that names the file, the line and the fix."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rdlake.catalog.contract import sql_folder
from rdlake.catalog.contract.files import load_checks, load_contract
from rdlake.catalog.template import state_contract_of
from rdlake.errors import BadInput

TOML, LOOPS, PLAIN = "materialize.toml", "views/loop_catalog.sql", "views/equity_curve.sql"
CHECK, NAV = "checks/coverage.sql", "COMMENT ON COLUMN equity_curve.nav IS"
OF_VIEW = (
    "COMMENT ON VIEW equity_curve IS 'One row per day of the back-test of each experiment.';\n"
)


@dataclass(frozen=True)
class Mistake:
    """What is replaced in a file, and what the error says and where; `line` holds what stands in
    the line that it names."""

    file: str
    old: str
    new: str
    what: str
    line: str | None = None
    named: str | None = None


MISTAKES = {
    "no key": Mistake(
        TOML,
        '[views.loop_catalog]\nkey = ["task_run_id", "loop_id", "workspace_id"]',
        "[views.loop_catalog]",
        "views.loop_catalog.key: Field required",
        "[views.loop_catalog]",
    ),
    "no section": Mistake(
        TOML, "[views.loop_result]\n", "[views.other]\n", "there is no view other", "[views.other]"
    ),
    "a view without section": Mistake(
        TOML,
        '[views.model_catalog]\nkey = ["model_id"]\n',
        "",
        "the view model_catalog has no key",
        None,
        "views/model_catalog.sql",
    ),
    "unknown column in key": Mistake(
        TOML,
        'key = ["model_id"]',
        'key = ["model"]',
        "the key names model, which",
        'key = ["model"]',
    ),
    "unknown column in by": Mistake(
        TOML,
        'by = "strategy_id"',
        'by = "market"\nshown_as = "market"',
        "by = 'market': artifacts has no such column",
        'by = "market"',
    ),
    "wrong type of parts": Mistake(
        TOML,
        "parts = 4",
        'parts = "4"',
        "views.strategy_catalog.parts: Input should be",
        'parts = "4"',
    ),
    "parts not a divisor of 16": Mistake(
        TOML, "parts = 4", "parts = 5", "views.strategy_catalog.parts: Input should be", "parts = 5"
    ),
    "unknown field": Mistake(
        TOML, "parts = 4", "part = 4", "views.strategy_catalog.part: Extra inputs", "part = 4"
    ),
    "invalid TOML": Mistake(
        TOML, "parts = 4", "parts = = 4", "this is not valid TOML", "parts = = 4"
    ),
    "by without materialized": Mistake(
        TOML,
        "[views.model_catalog]\n",
        '[views.model_catalog]\nby = "model_id"\n',
        "`by` needs `materialized`",
        "[views.model_catalog]",
    ),
    "unknown relation": Mistake(
        TOML,
        'strategy_id = ["loops"]',
        'strategy_id = ["loop"]',
        "there is no table or view loop",
        'strategy_id = ["loop"]',
    ),
    "unknown check": Mistake(
        TOML,
        "[checks.coverage]",
        "[checks.covered]",
        "the check covered has no file",
        "[checks.covered]",
    ),
    "a check with an unknown by": Mistake(
        TOML,
        '[checks.coverage]\nby = "workspace_id"',
        '[checks.coverage]\nby = "place"',
        "the check coverage reads",
        'by = "place"',
    ),
    "a key that no check counts": Mistake(
        TOML,
        '"loop_catalog", "equity_curve", ',
        '"equity_curve", ',
        "no check counts the keys of the view loop_catalog",
        "[views.loop_catalog]",
    ),
    "text before": Mistake(
        LOOPS, "CREATE VIEW", "hello\nCREATE VIEW", "the first statement is not the view", "hello"
    ),
    "text after": Mistake(
        LOOPS, "COMMENT ON VIEW", "hello;\nCOMMENT ON VIEW", "DuckDB cannot read the file", "hello"
    ),
    "a statement after": Mistake(
        PLAIN,
        NAV,
        "SELECT 1;\n" + NAV,
        "this is no comment on the view equity_curve: SELECT 1",
        "SELECT 1;",
    ),
    "CREATE OR REPLACE": Mistake(
        LOOPS,
        "CREATE VIEW",
        "CREATE OR REPLACE VIEW",
        "the first statement is not the view",
        "CREATE OR REPLACE",
    ),
    "two views": Mistake(
        PLAIN,
        NAV,
        "CREATE VIEW b AS SELECT 1;\n" + NAV,
        "this is no comment on the view equity_curve: CREATE VIEW b",
        "CREATE VIEW b",
    ),
    "another name": Mistake(
        PLAIN,
        "CREATE VIEW equity_curve AS",
        "CREATE VIEW curve AS",
        "the first statement is not the view",
        "CREATE VIEW curve",
    ),
    "no comment on the view": Mistake(PLAIN, OF_VIEW, "", "a view has one comment of its own"),
    "no comment on a column": Mistake(PLAIN, NAV, "-- ", "the column nav has no comment", "AS nav"),
    "a comment on no column": Mistake(
        PLAIN,
        NAV,
        "COMMENT ON COLUMN equity_curve.nov IS",
        "the column nov is not in the view",
        "equity_curve.nov",
    ),
    "a syntax error": Mistake(
        PLAIN,
        "FROM rdlake_tables",
        "FROM FROM rdlake_tables",
        "the view's query is not one that DuckDB can read",
        "FROM FROM",
    ),
    "a syntax error in a comment": Mistake(
        PLAIN, NAV, "COMMENT ON COLUMN equity_curve.nav IZ", "DuckDB cannot read the file", "nav IZ"
    ),
    "an unknown table": Mistake(
        PLAIN,
        "rdlake_tables.equity_curves",
        "rdlake_tables.curves",
        "the view reads curves, which is no table and no view",
        "rdlake_tables.curves",
    ),
    "a circle": Mistake(
        "views/factor_registry.sql",
        "FROM factor_catalog",
        "FROM factor_registry",
        "read each other in a circle",
        None,
    ),
    "an unknown column": Mistake(
        LOOPS,
        "loops.sharpe::DOUBLE",
        "loops.sharp::DOUBLE",
        "DuckDB refuses the view loop_catalog",
        "loops.sharp::",
    ),
    "a check that is no SELECT": Mistake(
        CHECK, "SELECT 'factor_perf'", "DELETE 'factor_perf'", "the check is not a query"
    ),
    "a check without promise": Mistake(
        CHECK, "-- A share", "A share", "the first line is not a comment", "A share"
    ),
    "a check of an unknown table": Mistake(
        CHECK,
        "FROM rdlake_tables.factor_perf",
        "FROM rdlake_tables.perf",
        "the check coverage reads rdlake_tables.perf",
        "rdlake_tables.perf",
    ),
}


def load(folder: Path) -> None:
    contract = load_contract(folder)
    load_checks(folder, contract)
    state_contract_of(contract)


def refusal(folder: Path) -> tuple[BadInput, str, str]:
    """The error, the file that it names, and the text of the line that it names."""
    with pytest.raises(BadInput) as raised:
        load(folder)
    found = re.fullmatch(r"(.*):(\d+)", raised.value.where)
    assert found, raised.value
    text = Path(found[1]).read_bytes().decode("utf-8", errors="replace").splitlines()
    assert raised.value.fix
    return raised.value, Path(found[1]).relative_to(folder).as_posix(), text[int(found[2]) - 1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(sql_folder(), tmp_path / "sql"))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_line(folder: Path, name: str) -> None:
    mistake = MISTAKES[name]
    path = folder / mistake.file
    text = path.read_text(encoding="utf-8")
    assert mistake.old in text
    path.write_text(text.replace(mistake.old, mistake.new, 1), encoding="utf-8")
    error, file, line = refusal(folder)
    assert mistake.what in error.what
    assert file == (mistake.named or mistake.file)
    assert (mistake.line or "") in line


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "not UTF-8": lambda text: text.replace(b"One row", b"One \xff row"),
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("name", BYTES)
def test_a_file_that_is_no_text_is_named(folder: Path, name: str) -> None:
    path = folder / PLAIN
    path.write_bytes(BYTES[name](path.read_bytes()))
    _, file, _ = refusal(folder) if name != "empty" else (None, PLAIN, None)
    assert file == PLAIN
    with pytest.raises(BadInput, match=r"not UTF-8|holds no statement"):
        load(folder)


def test_one_more_space_or_comment_is_no_mistake(folder: Path) -> None:
    for path in folder.rglob("*.sql"):
        if path.parent.name == "views":
            text = path.read_text(encoding="utf-8").replace(" AS\n", " AS  \n\n", 1)
            path.write_text(f"-- a comment; of two\n\n{text}\n\n-- the end", encoding="utf-8")
    load(folder)
