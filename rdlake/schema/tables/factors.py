"""Declare the tables of factors: as they appeared, and how each did on its own."""

from __future__ import annotations

from rdlake.schema.tables.schema import (
    BOOL,
    DATE,
    DIGEST,
    FIGURES,
    INT,
    PROVENANCE,
    REAL,
    REALS,
    TEXT,
    TEXTS,
    TIME,
    WORDS,
    WORKSPACE,
    C,
    Table,
)

FACTORS = Table(
    name="factors",
    meaning="a factor as it appeared in one experiment, or in an external library",
    key=("source", "factor_name", "workspace_id"),
    columns=(
        C("source", TEXT, "rdagent_generated, qlib_alpha158, qlib_alpha360, …"),
        C("factor_name", TEXT, "the task's name, else the column's"),
        C(
            "workspace_id",
            TEXT,
            "the experiment's folder; external:<source> of a library, with /<name> of a table",
        ),
        C("column_name", TEXT, "the parquet column when it is not the factor's name"),
        C(
            "position",
            INT,
            "place among the factor columns of its table, or in its library, from 0",
        ),
        C("accepted", BOOL, "false: dropped by the coder or as a duplicate; null: not tested"),
        C("expression", TEXT, "formula, where the source states one"),
        C("description_cn", TEXT, "description in the source's language"),
        C("formula_hint", TEXT, "formula as the source has it, LaTeX from RD-Agent"),
        C("variables", WORDS, "symbol -> meaning"),
        C("tags", TEXTS, "labels given by the source"),
        C("region", TEXT, "market region"),
        C("freq", TEXT, "bar length"),
        C("align", TEXT, "price the factor is aligned with"),
        C("nan_policy", TEXT, "treatment of missing values, as stated"),
        C("impl_module", TEXT, "module of the shared library"),
        C("impl_func", TEXT, "function of the shared library"),
        C("impl_version", TEXT, "version of the shared library"),
        C("interface_info", TEXT, "JSON: type and standard_wrapper"),
        C(
            "expression_fingerprint",
            TEXT,
            "digest of the formula, of expression else formula_hint, "
            "whatever its spelling; of the text where it is not understood",
        ),
        C("code_sha256", TEXT, "digest of the factor's code"),
        C("sub_workspace_id", TEXT, "the folder in which the coder wrote it, as the log has it"),
        C("values_sha256", TEXT, "digest of the finite values with their days and instruments"),
        C(
            "value_fingerprint",
            TEXTS,
            "day:digest of the order of instruments, up to reversal, on every fourth Wednesday",
        ),
        C("created_at", TIME, "UTC; when the experiment was made"),
        PROVENANCE,
        DIGEST,
    ),
)

IMPLEMENTATIONS = Table(
    name="implementations",
    meaning="a factor's code as it stands in the shared library; "
    "written by `rdlake libs sync` alone",
    key=("source", "factor_name", "code_sha256"),
    columns=(
        C("implementation_id", TEXT, "digest of the key"),
        C("source", TEXT, "as in factors"),
        C("factor_name", TEXT, "as in factors"),
        C("code_sha256", TEXT, "digest of the original code, which runs unchanged"),
        C("impl_module", TEXT, "module of the shared library"),
        C("impl_func", TEXT, "function in it: prices in, values out"),
        C("impl_version", TEXT, "version of the library when it came in"),
        C("interface_info", TEXT, "JSON: type and standard_wrapper"),
        C("latest", BOOL, "whether it is the latest accepted code of the factor"),
        C("reaches", TEXTS, "what its code reaches for outside, as the scan reports"),
    ),
    owner="implementation_id",
)

FACTOR_PERF = Table(
    name="factor_perf",
    meaning="statistics of one factor in one window of one experiment",
    key=("workspace_id", "factor_name", "window"),
    columns=(
        WORKSPACE,
        C("factor_name", TEXT, "as in factors"),
        C("window", TEXT, "test, train, valid or all"),
        C("start_date", DATE, "first day, inclusive"),
        C("end_date", DATE, "last day, inclusive"),
        C("label_source", TEXT, "label.pkl or prices; null when there is no label"),
        C("rows", INT, "rows of the parquet in the window"),
        C("coverage", REAL, "finite values / (days × distinct instruments)"),
        C("finite_values", INT, "values neither missing, NaN nor infinite"),
        C("mean", REAL, "pooled over finite values"),
        C("std", REAL, "pooled, ddof 1"),
        C("quantiles", FIGURES, "q01 q05 q25 q50 q75 q95 q99, linear"),
        C("ic_mean", REAL, "mean daily Pearson correlation with the label"),
        C("ic_std", REAL, "ddof 1"),
        C("ic_ir", REAL, "ic_mean / ic_std"),
        C("ic_t", REAL, "ic_ir × √days"),
        C("ic_days", INT, "days on which the correlation is defined"),
        C("rank_ic_mean", REAL, "mean daily correlation of average ranks"),
        C("rank_ic_std", REAL, "ddof 1"),
        C("rank_ic_ir", REAL, "rank_ic_mean / rank_ic_std"),
        C("rank_ic_t", REAL, "rank_ic_ir × √days"),
        C("rank_ic_days", INT, "days on which the rank correlation is defined"),
        C("annual_return", REAL, "top minus bottom fifth, equal weights, no cost, mean × 238"),
        C("sharpe", REAL, "of that spread, mean / std × √238"),
        C("max_drawdown", REAL, "of the compounded spread, ≤ 0"),
        C("fifths", REALS, "mean over days of the mean label of each fifth, the lowest first"),
        C("values_sha256", TEXT, "as in factors; equal values have equal figures"),
        C("label_sha256", TEXT, "digest of the label; null when there is none"),
        C("series_id", TEXT, "the days in factor_ic; null when there is no label"),
        DIGEST,
    ),
)

FACTOR_IC = Table(
    name="factor_ic",
    meaning="one day of one factor's values against one label, "
    "kept once for all experiments with both",
    key=("series_id", "date"),
    columns=(
        C("series_id", TEXT, "digest of values and label; factor_perf tells whose they are"),
        C("date", DATE, "the factor's day"),
        C("ic", REAL, "Pearson, over pairs where both exist; null where a side is constant"),
        C("rank_ic", REAL, "Pearson of average ranks"),
        C("pairs", INT, "instruments with both values"),
        C("spread", REAL, "mean label of the top fifth minus the bottom fifth; from 10 pairs on"),
    ),
    owner="series_id",
)

FACTOR_PAIRS = Table(
    name="factor_pairs",
    meaning="two columns of values that order instruments alike on some days, compared on all",
    key=("one_sha256", "other_sha256"),
    columns=(
        C("pair_id", TEXT, "digest of both digests"),
        C("one_sha256", TEXT, "values_sha256 in factors, the smaller"),
        C("other_sha256", TEXT, "values_sha256 in factors, the larger"),
        C("shared", INT, "anchor days on which value_fingerprint is the same"),
        C("correlation", REAL, "mean daily rank correlation; negative for a reversed factor"),
        C("days", INT, "days on which it is defined"),
    ),
    owner="pair_id",
)

FACTOR_COMBINATIONS = Table(
    name="factor_combinations",
    meaning="a set of factors back-tested together, per window",
    key=("workspace_id", "name", "window"),
    columns=(
        WORKSPACE,
        C("name", TEXT, "name of the combination"),
        C("window", TEXT, "as in factor_perf"),
        C("factor_names", TEXTS, "in the order of the model's input"),
        C("start_date", DATE, "first day of the curve, inclusive"),
        C("end_date", DATE, "last day of the curve, inclusive"),
        C("annual_return", REAL, "with cost, excess over the benchmark, summed, 238 days"),
        C("max_drawdown", REAL, "with cost, of the summed excess, ≤ 0"),
        C("sharpe", REAL, "of the net return"),
        C("metrics", FIGURES, "the experiment's own figures"),
        DIGEST,
    ),
)
