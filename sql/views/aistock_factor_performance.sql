CREATE VIEW aistock_factor_performance AS
SELECT
    md5(
        'performance ' || factors.source || chr(10) || perf.factor_name || chr(10) || perf.workspace_id || chr(10)
            || perf."window"
    )::VARCHAR AS id,
    md5('factor ' || factors.source || chr(10) || perf.factor_name)::VARCHAR AS factor_id,
    perf."window"::VARCHAR AS window_name,
    perf.ic_mean::DOUBLE AS ic_mean,
    perf.ic_ir::DOUBLE AS ic_ir,
    perf.coverage::DOUBLE AS coverage,
    perf.annual_return::DOUBLE AS annual_return,
    perf.max_drawdown::DOUBLE AS max_drawdown,
    perf.sharpe::DOUBLE AS sharpe,
    md5('experiment ' || perf.workspace_id)::VARCHAR AS experiment_id,
    perf.workspace_id::VARCHAR AS workspace_id
FROM rdlake_tables.factor_perf AS perf
JOIN rdlake_tables.factors AS factors
    ON factors.workspace_id = perf.workspace_id AND factors.factor_name = perf.factor_name
JOIN rdlake_tables.loops AS loops ON loops.workspace_id = perf.workspace_id
WHERE factors.position IS NOT NULL;

COMMENT ON VIEW aistock_factor_performance IS 'The figures of factors as the archive of AIstock keeps them: one row per factor, experiment and window, as in factor_windows.';
COMMENT ON COLUMN aistock_factor_performance.id IS 'made of factor, workspace and window; the same in every catalog version';
COMMENT ON COLUMN aistock_factor_performance.factor_id IS 'id in aistock_factors';
COMMENT ON COLUMN aistock_factor_performance.window_name IS 'test, train, valid or all, as in factor_windows';
COMMENT ON COLUMN aistock_factor_performance.ic_mean IS 'mean daily Pearson correlation of values and label; null without a label';
COMMENT ON COLUMN aistock_factor_performance.ic_ir IS 'ic_mean / standard deviation (ddof 1) of the daily values';
COMMENT ON COLUMN aistock_factor_performance.coverage IS 'finite values / (days × distinct instruments), 0 to 1';
COMMENT ON COLUMN aistock_factor_performance.annual_return IS 'top minus bottom fifth by value, equal weights, no cost: daily mean × 238';
COMMENT ON COLUMN aistock_factor_performance.max_drawdown IS 'of that spread, compounded; ≤ 0';
COMMENT ON COLUMN aistock_factor_performance.sharpe IS 'of that spread: mean / std (ddof 1) × √238';
COMMENT ON COLUMN aistock_factor_performance.experiment_id IS 'id in aistock_experiments';
COMMENT ON COLUMN aistock_factor_performance.workspace_id IS 'name of the workspace folder of the experiment';
