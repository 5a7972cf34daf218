CREATE VIEW factor_windows AS
SELECT
    perf.factor_name::VARCHAR AS factor_name,
    factors.source::VARCHAR AS source,
    perf.workspace_id::VARCHAR AS workspace_id,
    perf."window"::VARCHAR AS window_name,
    perf.start_date::DATE AS "start",
    perf.end_date::DATE AS "end",
    perf.annual_return::DOUBLE AS annual_return,
    perf.max_drawdown::DOUBLE AS max_drawdown,
    perf.sharpe::DOUBLE AS sharpe,
    perf.ic_mean::DOUBLE AS ic_mean,
    perf.ic_ir::DOUBLE AS ic_ir,
    perf.ic_t::DOUBLE AS ic_t,
    perf.rank_ic_mean::DOUBLE AS rank_ic_mean,
    perf.rank_ic_ir::DOUBLE AS rank_ic_ir,
    perf.rank_ic_t::DOUBLE AS rank_ic_t,
    perf.ic_days::BIGINT AS ic_days,
    perf.coverage::DOUBLE AS coverage,
    perf.label_source::VARCHAR AS label_source,
    loops.experiment_id::VARCHAR AS experiment_id,
    factors.created_at::TIMESTAMP AS created_at
FROM rdlake_tables.factor_perf AS perf
JOIN rdlake_tables.factors AS factors
    ON factors.workspace_id = perf.workspace_id AND factors.factor_name = perf.factor_name
JOIN rdlake_tables.loops AS loops ON loops.workspace_id = perf.workspace_id
WHERE factors.position IS NOT NULL;

COMMENT ON VIEW factor_windows IS 'One row per factor, experiment and window: the factor''s own figures, never its experiment''s.';
COMMENT ON COLUMN factor_windows.factor_name IS 'name of the factor';
COMMENT ON COLUMN factor_windows.source IS 'where it comes from, as in factor_catalog';
COMMENT ON COLUMN factor_windows.workspace_id IS 'workspace of the experiment that carried it';
COMMENT ON COLUMN factor_windows.window_name IS 'test, train or valid as they ran, by the day of the factor; all: every day of its table';
COMMENT ON COLUMN factor_windows."start" IS 'first day, inclusive';
COMMENT ON COLUMN factor_windows."end" IS 'last day, inclusive';
COMMENT ON COLUMN factor_windows.annual_return IS 'top minus bottom fifth by value, equal weights, no cost: daily mean × 238';
COMMENT ON COLUMN factor_windows.max_drawdown IS 'of that spread, compounded; ≤ 0';
COMMENT ON COLUMN factor_windows.sharpe IS 'of that spread: mean / std (ddof 1) × √238';
COMMENT ON COLUMN factor_windows.ic_mean IS 'mean daily Pearson correlation of values and label; null without a label';
COMMENT ON COLUMN factor_windows.ic_ir IS 'ic_mean / standard deviation (ddof 1) of the daily values';
COMMENT ON COLUMN factor_windows.ic_t IS 'ic_ir × √ic_days';
COMMENT ON COLUMN factor_windows.rank_ic_mean IS 'mean daily correlation of average ranks';
COMMENT ON COLUMN factor_windows.rank_ic_ir IS 'rank_ic_mean / standard deviation (ddof 1) of the daily values';
COMMENT ON COLUMN factor_windows.rank_ic_t IS 'rank_ic_ir × √days';
COMMENT ON COLUMN factor_windows.ic_days IS 'days on which the correlation is defined';
COMMENT ON COLUMN factor_windows.coverage IS 'finite values / (days × distinct instruments), 0 to 1';
COMMENT ON COLUMN factor_windows.label_source IS 'label.pkl or prices: where the label is from; null without one';
COMMENT ON COLUMN factor_windows.experiment_id IS 'task_run_id/loop_id of the experiment';
COMMENT ON COLUMN factor_windows.created_at IS 'UTC; time of the experiment; null while not known';
