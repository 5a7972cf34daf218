"""Check qlib_res.csv in every known form."""

from __future__ import annotations

import pytest

from rdlake.domain.experiment import Finding
from rdlake.sources.backtest import metrics
from rdlake.sources.backtest.metrics import Metrics, read_metrics

TWO = {"IC": 0.01, "Rank IC": -0.02}


def read(text: str | bytes) -> tuple[Metrics | None, list[Finding]]:
    return read_metrics(text if isinstance(text, bytes) else text.encode(), "qlib_res.csv")


def said(text: str | bytes) -> tuple[Metrics | None, list[str]]:
    found, findings = read(text)
    assert all(finding.file == "qlib_res.csv" and finding.fix for finding in findings)
    assert (found is None) <= any(finding.level == "error" for finding in findings)
    return found, [f"{finding.level}: {finding.reason}" for finding in findings]


@pytest.mark.parametrize(
    "text",
    [
        ",0\nIC,0.01\nRank IC,-0.02\n",
        ",Unnamed: 0,0\n0,IC,0.01\n1,Rank IC,-0.02\n",
        ",Unnamed: 0.1,Unnamed: 0,0\n0,0,IC,0.01\n1,1,Rank IC,-0.02\n",
        "\ufeff,0\nIC,0.01\nRank IC,-0.02\n",
        ",0\r\nIC,0.01\r\nRank IC,-0.02\r\n",
        ",0\rIC,0.01\rRank IC,-0.02\r",
        ",0\n IC ,0.01\nRank IC\u00a0, -0.02 \n",
        "\n,0\n\nIC,0.01\n , \nRank IC,-0.02\n\n",
        "metric,value\nIC,1e-2\nRank IC,-2E-2\n",
        '"","0"\n"IC","0.01"\n"Rank IC","-0.02"\n',
        ",0,\nIC,0.01,\nRank IC,-0.02,\n",
        "0\nIC,0.01\nRank IC,-0.02\n",
    ],
)
def test_every_form_gives_the_same_metrics(text: str) -> None:
    assert said(text) == (TWO, [])


def test_a_file_without_header_is_read_with_a_warning() -> None:
    found, words = said("IC,0.01\nRank IC,-0.02\n")
    assert found == TWO
    assert words == ["warning: it has no header; the first line was read as a metric"]
    assert said("IC,0.01\n")[0] == {"IC": 0.01}


def test_a_name_may_hold_commas_quotes_and_newlines() -> None:
    text = ',0\n"a, b",1\n"say ""hi""",2\n"two\nlines",3\n因子,4\n'
    assert said(text) == ({"a, b": 1.0, 'say "hi"': 2.0, "two\nlines": 3.0, "因子": 4.0}, [])


@pytest.mark.parametrize("cell", ["", "NaN", "nan", " "])
def test_a_missing_value_is_unknown(cell: str) -> None:
    assert said(f",0\nIC,0.01\nRank IC,{cell}\n") == ({"IC": 0.01, "Rank IC": None}, [])


@pytest.mark.parametrize("cell", ["", "NaN", "nan", " "])
def test_a_missing_ic_is_unknown_with_a_warning(cell: str) -> None:
    found, words = said(f",0\nIC,{cell}\nRank IC,-0.02\n")
    assert found == {"IC": None, "Rank IC": -0.02}
    assert words == ["warning: the IC is missing on every day"]


def test_metrics_that_are_all_missing_are_all_unknown() -> None:
    assert said(",0\nICIR,\nRank IC,\n") == ({"ICIR": None, "Rank IC": None}, [])


@pytest.mark.parametrize("cell", ["inf", "-inf", "1e999", "failed", "1_000", "0.1%", "None"])
def test_a_value_that_is_no_finite_number_is_unknown_with_a_warning(cell: str) -> None:
    found, words = said(f",0\nIC,{cell}\nRank IC,-0.02\n")
    assert found == {"IC": None, "Rank IC": -0.02}
    assert words == [f"warning: 'IC' is '{cell}', not a finite number; counts as unknown"]


def test_a_metric_that_stands_there_twice_alike_is_kept() -> None:
    assert said(",0\nIC,0.01\nRank IC,-0.02\nIC,0.0100\n") == (TWO, [])


@pytest.mark.parametrize("other", ["0.02", "", "text"])
def test_a_metric_with_two_values_is_unknown_with_a_warning(other: str) -> None:
    found, words = said(f",0\nIC,0.01\n IC,{other}\nIC,0.01\nRank IC,-0.02\n")
    assert found == {"IC": None, "Rank IC": -0.02}
    assert "warning: 'IC' has several different values; counts as unknown" in words


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "no line with anything in it"),
        (",0\nIC,0.01\n".encode("utf-16"), "not UTF-8"),
        (",0\nIC,0.01\n".encode("utf-16-le"), "null characters"),
        (",0\n年化,0.01\n".encode("gbk"), "not UTF-8"),
        (b",0\n0,0.01\n1,0.02\n", "cannot be told"),
        (b",0\nIC\nRank IC\n", "cannot be told"),
        (b",0,1\nIC,0.01,0.02\n", "cannot be told"),
        (b"date,name,0\n2020-01-02,IC,0.01\n", "cannot be told"),
        (b"0,\n0.01,IC\n0.02,Rank IC\n", "cannot be told"),
        (b',0\n"IC,0.01\n', "malformed"),
        (b',0\n"IC"x,0.01\n', "malformed"),
        (b",0\n" + b"x" * 200_000 + b",1\n", "malformed"),
        (b",0\n" + b"IC,1\n" * metrics.MAX_LINES, "more than 10,000 lines"),
        (b" " * (metrics.MAX_BYTES + 1), "larger than 8 MiB"),
    ],
)
def test_a_file_that_cannot_be_told_is_refused_whole(data: bytes, reason: str) -> None:
    found, findings = read(data)
    assert found is None
    assert [finding.level for finding in findings] == ["error"]
    assert reason in findings[0].reason


@pytest.mark.parametrize("text", [",0\n", ",0", ",Unnamed: 0,0\n", "metric,value\n"])
def test_a_header_alone_has_no_metric(text: str) -> None:
    assert said(text) == ({}, ["warning: it has a header and no metric"])


def test_a_file_cut_within_a_line_keeps_the_whole_lines() -> None:
    found, words = said(",0\nIC,0.01\nRank IC,-0.02\n1day.excess_re")
    assert found == TWO
    assert words[0] == "error: record 4 has 1 fields and not 2; it was left out"


def test_a_last_value_that_may_be_cut_is_pointed_at() -> None:
    found, words = said(",0\nIC,0.01\nRank IC,-0.02")
    assert found == TWO
    assert words == ["warning: its last line has no end: the last value may be cut"]


def test_a_line_with_too_many_fields_is_left_out_with_an_error() -> None:
    found, words = said(",0\nIC,0.01\nRank IC,-0.02\nmean, std,0.5\n")
    assert found == TWO
    assert words == ["error: record 4 has 3 fields and not 2; it was left out"]


def test_a_value_without_a_name_is_left_out_with_an_error() -> None:
    found, words = said(",0\nIC,0.01\nRank IC,-0.02\n,0.5\n")
    assert found == TWO
    assert words == ["error: a value without a name: '0.5'"]


def test_a_name_in_a_finding_is_short_and_on_one_line() -> None:
    _, words = said(",0\n" + '"' + "x\n" * 500 + '",inf\nIC,1\n')
    assert len(words[0]) < 300
    assert "\n" not in words[0]
