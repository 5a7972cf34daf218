CREATE VIEW loop_catalog AS
WITH files AS (
    SELECT
        workspace_id,
        max(path) FILTER (WHERE path = 'factor_meta.json') AS factor_meta,
        max(path) FILTER (WHERE path = 'factor_perf.json') AS factor_perf,
        max(path) FILTER (WHERE path = 'feedback.json') AS feedback,
        max(path) FILTER (WHERE path = 'ret_curve.png') AS ret_curve,
        max(path) FILTER (WHERE path = 'dd_curve.png') AS dd_curve
    FROM (
        SELECT workspace_id, path FROM rdlake_tables.artifacts
        WHERE path IN ('factor_meta.json', 'factor_perf.json', 'feedback.json', 'ret_curve.png', 'dd_curve.png')
        UNION ALL
        SELECT charts.workspace_id, charts.path
        FROM rdlake_tables.charts AS charts
        JOIN rdlake_tables.loops AS loops
            ON loops.workspace_id = charts.workspace_id AND loops.source_digest = charts.loop_digest
    )
    GROUP BY workspace_id
),
archived AS (
    -- Take the last receipt of each archive. It counts while the loop is what was archived.
    SELECT workspace_id, source_digest, max(level) AS level
    FROM (
        SELECT
            workspace_id,
            archive_lake_id,
            arg_max(level, verified_at) AS level,
            arg_max(source_digest, verified_at) AS source_digest
        FROM rdlake_tables.archives
        GROUP BY workspace_id, archive_lake_id
    )
    GROUP BY workspace_id, source_digest
)
SELECT
    loops.task_run_id::VARCHAR AS task_run_id,
    loops.loop_id::BIGINT AS loop_id,
    loops.workspace_id::VARCHAR AS workspace_id,
    loops.experiment_id::VARCHAR AS experiment_id,
    loops.role::VARCHAR AS role,
    loops.scenario::VARCHAR AS scenario,
    loops.step_name::VARCHAR AS step_name,
    loops.action::VARCHAR AS action,
    loops.status::VARCHAR AS status,
    loops.has_result::BOOLEAN AS has_result,
    loops.has_curve::BOOLEAN AS has_curve,
    loops.cached::BOOLEAN AS cached,
    loops.result_workspace_id::VARCHAR AS result_workspace_id,
    loops.strategy_id::VARCHAR AS strategy_id,
    loops.protocol_strategy_id::VARCHAR AS protocol_strategy_id,
    loops.model_id::VARCHAR AS model_id,
    loops.factor_names::VARCHAR[] AS factor_names,
    loops.base_features::VARCHAR[] AS base_features,
    (CASE
        WHEN loops.metrics IS NOT NULL THEN map_concat(
            MAP {
                'annualized_return': loops.annual_return, 'max_drawdown': loops.max_drawdown, 'ic_mean': loops.ic,
                'rank_ic_mean': loops.rank_ic, 'multi_score': loops.multi_score, 'sharpe': loops.sharpe,
                'win_rate': loops.win_rate
            },
            loops.metrics
        )
    END)::MAP(VARCHAR, DOUBLE) AS metrics,
    loops.ic::DOUBLE AS ic,
    loops.icir::DOUBLE AS icir,
    loops.rank_ic::DOUBLE AS rank_ic,
    loops.rank_icir::DOUBLE AS rank_icir,
    loops.annual_return::DOUBLE AS annual_return,
    loops.max_drawdown::DOUBLE AS max_drawdown,
    loops.information_ratio::DOUBLE AS information_ratio,
    loops.annual_return_with_cost::DOUBLE AS annual_return_with_cost,
    loops.annual_return_without_cost::DOUBLE AS annual_return_without_cost,
    loops.max_drawdown_with_cost::DOUBLE AS max_drawdown_with_cost,
    loops.max_drawdown_without_cost::DOUBLE AS max_drawdown_without_cost,
    loops.information_ratio_with_cost::DOUBLE AS information_ratio_with_cost,
    loops.information_ratio_without_cost::DOUBLE AS information_ratio_without_cost,
    loops.multi_score::DOUBLE AS multi_score,
    loops.sharpe::DOUBLE AS sharpe,
    loops.win_rate::DOUBLE AS win_rate,
    loops.final_nav::DOUBLE AS final_nav,
    loops.nav_drawdown::DOUBLE AS nav_drawdown,
    loops.mean_turnover::DOUBLE AS mean_turnover,
    loops.curve_start::DATE AS curve_start,
    loops.curve_end::DATE AS curve_end,
    loops.curve_days::BIGINT AS curve_days,
    loops.decision::BOOLEAN AS decision,
    true::BOOLEAN AS selected_on_test,
    {
        'execution': feedback.summary_execution, 'value_feedback': feedback.summary_value_feedback,
        'shape_feedback': feedback.summary_shape_feedback
    }::STRUCT(execution VARCHAR, value_feedback VARCHAR, shape_feedback VARCHAR) AS summary_texts,
    {
        'factor_meta': files.factor_meta, 'factor_perf': files.factor_perf, 'feedback': files.feedback,
        'ret_curve': files.ret_curve, 'dd_curve': files.dd_curve
    }::STRUCT(
        factor_meta VARCHAR, factor_perf VARCHAR, feedback VARCHAR, ret_curve VARCHAR, dd_curve VARCHAR
    ) AS paths,
    coalesce(archived.level, 0)::BIGINT AS archiving_level,
    loops.created_at::TIMESTAMP AS created_at,
    loops.provenance::MAP(VARCHAR, VARCHAR) AS provenance
FROM rdlake_tables.loops AS loops
LEFT JOIN rdlake_tables.feedback AS feedback ON feedback.workspace_id = loops.workspace_id
LEFT JOIN files ON files.workspace_id = loops.workspace_id
LEFT JOIN archived ON archived.workspace_id = loops.workspace_id AND archived.source_digest = loops.source_digest
WHERE loops.has_result;

COMMENT ON VIEW loop_catalog IS 'One row per experiment with a result: an RD-Agent loop, or the baseline of a run.';
COMMENT ON COLUMN loop_catalog.task_run_id IS 'RD-Agent run; synthetic_<workspace_id> while the run is not known';
COMMENT ON COLUMN loop_catalog.loop_id IS 'number of the loop within its run';
COMMENT ON COLUMN loop_catalog.workspace_id IS 'name of the workspace folder of the experiment';
COMMENT ON COLUMN loop_catalog.experiment_id IS 'task_run_id/loop_id; ends in /baseline for a baseline';
COMMENT ON COLUMN loop_catalog.role IS 'experiment or baseline';
COMMENT ON COLUMN loop_catalog.scenario IS 'fin_factor, fin_model, fin_quant, fin_factor_report; null while not known';
COMMENT ON COLUMN loop_catalog.step_name IS 'last step, as the registry has it';
COMMENT ON COLUMN loop_catalog.action IS 'factor or model; null where neither trace, registry nor templates tell';
COMMENT ON COLUMN loop_catalog.status IS 'success, skipped, failed, running; null while not known';
COMMENT ON COLUMN loop_catalog.has_result IS 'at least one finite metric; always true here';
COMMENT ON COLUMN loop_catalog.has_curve IS 'equity_curve has the days of this experiment';
COMMENT ON COLUMN loop_catalog.cached IS 'the result came from the cache of RD-Agent; null while not known';
COMMENT ON COLUMN loop_catalog.result_workspace_id IS 'workspace that really executed, where the result came from the cache; null while not resolved';
COMMENT ON COLUMN loop_catalog.strategy_id IS 'id of the configuration that really ran; null while not known';
COMMENT ON COLUMN loop_catalog.protocol_strategy_id IS 'id that AIstock stored for the strategy, of its words and file names; for matching only';
COMMENT ON COLUMN loop_catalog.model_id IS 'id of the trained model, in model_catalog; null while not known';
COMMENT ON COLUMN loop_catalog.factor_names IS 'factor columns the back-test was given, in their order; null without a factor table';
COMMENT ON COLUMN loop_catalog.base_features IS 'base features beside them; null while not known';
COMMENT ON COLUMN loop_catalog.metrics IS 'every metric under the name qlib gave it, and under the names of the protocol: annualized_return and max_drawdown are the with-cost ones; NaN is null';
COMMENT ON COLUMN loop_catalog.ic IS 'mean daily Pearson correlation of prediction and label';
COMMENT ON COLUMN loop_catalog.icir IS 'ic divided by the standard deviation of the daily values';
COMMENT ON COLUMN loop_catalog.rank_ic IS 'mean daily rank correlation of prediction and label';
COMMENT ON COLUMN loop_catalog.rank_icir IS 'rank_ic divided by the standard deviation of the daily values';
COMMENT ON COLUMN loop_catalog.annual_return IS 'same as annual_return_with_cost';
COMMENT ON COLUMN loop_catalog.max_drawdown IS 'same as max_drawdown_with_cost';
COMMENT ON COLUMN loop_catalog.information_ratio IS 'same as information_ratio_with_cost';
COMMENT ON COLUMN loop_catalog.annual_return_with_cost IS 'excess over the benchmark after cost: daily mean × 238, not compounded (qlib)';
COMMENT ON COLUMN loop_catalog.annual_return_without_cost IS 'excess over the benchmark before cost: daily mean × 238, not compounded (qlib)';
COMMENT ON COLUMN loop_catalog.max_drawdown_with_cost IS 'of the summed excess after cost, ≤ 0 (qlib)';
COMMENT ON COLUMN loop_catalog.max_drawdown_without_cost IS 'of the summed excess before cost, ≤ 0 (qlib)';
COMMENT ON COLUMN loop_catalog.information_ratio_with_cost IS 'daily excess after cost: mean / std (ddof 1) × √238 (qlib)';
COMMENT ON COLUMN loop_catalog.information_ratio_without_cost IS 'daily excess before cost: mean / std (ddof 1) × √238 (qlib)';
COMMENT ON COLUMN loop_catalog.multi_score IS 'passed through where a source has it; no formula is known';
COMMENT ON COLUMN loop_catalog.sharpe IS 'from the curve: net_return mean / std (ddof 1) × √238';
COMMENT ON COLUMN loop_catalog.win_rate IS 'from the curve: share of all days with net_return > 0';
COMMENT ON COLUMN loop_catalog.final_nav IS 'from the curve: nav of the last day; 1 is the start';
COMMENT ON COLUMN loop_catalog.nav_drawdown IS 'from the curve: largest drawdown of nav, ≤ 0';
COMMENT ON COLUMN loop_catalog.mean_turnover IS 'from the curve: mean daily turnover';
COMMENT ON COLUMN loop_catalog.curve_start IS 'first day of the curve';
COMMENT ON COLUMN loop_catalog.curve_end IS 'last day of the curve';
COMMENT ON COLUMN loop_catalog.curve_days IS 'days of the curve';
COMMENT ON COLUMN loop_catalog.decision IS 'accepted by RD-Agent; null while not known';
COMMENT ON COLUMN loop_catalog.selected_on_test IS 'true: the metrics are of the test segment, on which RD-Agent also decided; optimistic by construction';
COMMENT ON COLUMN loop_catalog.summary_texts IS 'what RD-Agent concluded: of the run, of the hypothesis, of the decision';
COMMENT ON COLUMN loop_catalog.paths IS 'names of the files in the workspace, as in artifact_list; null where there is none';
COMMENT ON COLUMN loop_catalog.archiving_level IS '0: not in an archive; 1: rows are; 2: also every file worth keeping';
COMMENT ON COLUMN loop_catalog.created_at IS 'UTC; first trace message, else mlruns, else registry; null while not known';
COMMENT ON COLUMN loop_catalog.provenance IS 'field -> where its value was found';
