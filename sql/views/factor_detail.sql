CREATE VIEW factor_detail AS
SELECT
    name::VARCHAR AS factor_name,
    source::VARCHAR AS source,
    description_cn::VARCHAR AS description_cn,
    formula_hint::VARCHAR AS formula_hint,
    tags::VARCHAR[] AS tags,
    created_at_utc::TIMESTAMP AS created_at,
    latest_performance.ic_mean::DOUBLE AS ic_mean,
    latest_performance.ic_ir::DOUBLE AS ic_ir,
    latest_performance.coverage::DOUBLE AS coverage,
    windows::STRUCT(
        window_name VARCHAR, "start" DATE, "end" DATE, annual_return DOUBLE, max_drawdown DOUBLE, sharpe DOUBLE
    )[] AS windows,
    combination_names::VARCHAR[] AS combination_names,
    combination_perf_summary::STRUCT(
        combinations BIGINT, best_annual_return DOUBLE, median_annual_return DOUBLE, best_sharpe DOUBLE,
        worst_max_drawdown DOUBLE
    ) AS combination_perf_summary,
    first_experiment_id::VARCHAR AS first_experiment_id,
    latest_experiments::STRUCT(
        experiment_id VARCHAR, workspace_id VARCHAR, created_at TIMESTAMP, decision BOOLEAN
    )[] AS latest_experiments,
    latest_performance.rank_ic_mean::DOUBLE AS rank_ic_mean,
    latest_performance.rank_ic_ir::DOUBLE AS rank_ic_ir,
    latest_performance.ic_days::BIGINT AS ic_days,
    performance_basis::VARCHAR AS performance_basis,
    true::BOOLEAN AS selected_on_test
FROM factor_catalog;

COMMENT ON VIEW factor_detail IS 'The factor page of AIstock: one row per factor and source; figures are the factor''s own, of the latest experiment.';
COMMENT ON COLUMN factor_detail.factor_name IS 'name of the factor';
COMMENT ON COLUMN factor_detail.source IS 'rdagent_generated, qlib_alpha158, qlib_alpha360, alpha_library, external_manual';
COMMENT ON COLUMN factor_detail.description_cn IS 'description; of the latest experiment that states it';
COMMENT ON COLUMN factor_detail.formula_hint IS 'formula as the source has it; of the latest experiment that states it';
COMMENT ON COLUMN factor_detail.tags IS 'labels; of the latest experiment that states it';
COMMENT ON COLUMN factor_detail.created_at IS 'UTC; time of the earliest experiment; null while not known';
COMMENT ON COLUMN factor_detail.ic_mean IS 'mean daily Pearson correlation of values and label; of the latest experiment in performance_basis';
COMMENT ON COLUMN factor_detail.ic_ir IS 'ic_mean / standard deviation (ddof 1) of the daily values; likewise';
COMMENT ON COLUMN factor_detail.coverage IS 'finite values / (days × distinct instruments), 0 to 1; likewise';
COMMENT ON COLUMN factor_detail.windows IS 'each window of that experiment: first and last day inclusive; top minus bottom fifth, equal weights, no cost: annual_return is mean × 238, sharpe mean / std (ddof 1) × √238, max_drawdown of the compounded spread, ≤ 0';
COMMENT ON COLUMN factor_detail.combination_names IS 'names of the combinations it was back-tested in; null for none';
COMMENT ON COLUMN factor_detail.combination_perf_summary IS 'of these combinations: how many, and figures of their back-tests after cost as in loop_catalog; not the factor''s own';
COMMENT ON COLUMN factor_detail.first_experiment_id IS 'earliest experiment; null while no time is known';
COMMENT ON COLUMN factor_detail.latest_experiments IS 'up to ten experiments that carried it, the latest first; those without a time come last';
COMMENT ON COLUMN factor_detail.rank_ic_mean IS 'mean daily correlation of average ranks of values and label; as ic_mean';
COMMENT ON COLUMN factor_detail.rank_ic_ir IS 'rank_ic_mean / standard deviation (ddof 1) of the daily values';
COMMENT ON COLUMN factor_detail.ic_days IS 'days on which the correlation is defined';
COMMENT ON COLUMN factor_detail.performance_basis IS 'window and least number of days of these figures, as in factor_catalog';
COMMENT ON COLUMN factor_detail.selected_on_test IS 'true: RD-Agent decided on the test segment; figures of it are optimistic by construction';
