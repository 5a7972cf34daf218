CREATE VIEW strategy_detail AS
WITH curves AS (
    SELECT workspace_id, list({'date': date, 'nav': nav} ORDER BY date) AS days
    FROM rdlake_tables.equity_curves
    GROUP BY workspace_id
),
pictures AS (
    SELECT workspace_id, path FROM rdlake_tables.artifacts WHERE path = 'ret_curve.png'
    UNION
    SELECT charts.workspace_id, charts.path
    FROM rdlake_tables.charts AS charts
    JOIN rdlake_tables.loops AS loops
        ON loops.workspace_id = charts.workspace_id AND loops.source_digest = charts.loop_digest
    WHERE charts.path = 'ret_curve.png'
)
SELECT
    loops.strategy_id::VARCHAR AS strategy_id,
    (strategies.model_class || ' · ' || strategies.strategy_class || ' ' || strategies.topk || '/' || strategies.n_drop
        || ' · ' || strategies.market)::VARCHAR AS name,
    (CASE WHEN loops.has_curve THEN 'portfolio' WHEN loops.data_profile IS NOT NULL THEN 'signal' END)
        ::VARCHAR AS shape,
    (CASE WHEN contains(strategies.strategy_class, 'Topk') THEN 'target_weight' END)::VARCHAR AS output_mode,
    (loops.task_run_id || '/' || loops.loop_id || '/' || loops.workspace_id)::VARCHAR AS source_key,
    loops.created_at::TIMESTAMP AS created_at,
    loops.status::VARCHAR AS status,
    loops.factor_names::VARCHAR[] AS factor_names,
    (CASE
        WHEN loops.factor_names IS NOT NULL OR loops.base_features IS NOT NULL
            THEN MAP {'rdagent_generated': len(loops.factor_names), 'base': len(loops.base_features)}
    END)::MAP(VARCHAR, BIGINT) AS factor_source_summary,
    loops.annual_return::DOUBLE AS annual_return,
    loops.max_drawdown::DOUBLE AS max_drawdown,
    loops.sharpe::DOUBLE AS sharpe,
    loops.win_rate::DOUBLE AS win_rate,
    curves.days::STRUCT(date DATE, nav DOUBLE)[] AS equity_curve,
    pictures.path::VARCHAR AS equity_curve_chart_url,
    loops.decision::BOOLEAN AS decision,
    (CASE WHEN feedback.workspace_id IS NOT NULL THEN coalesce(feedback.limitations, []::VARCHAR[]) END)
        ::VARCHAR[] AS limitations,
    (CASE WHEN feedback.workspace_id IS NOT NULL THEN coalesce(feedback.code_critic, []::VARCHAR[]) END)
        ::VARCHAR[] AS code_critic,
    feedback.hypothesis::VARCHAR AS hypothesis,
    loops.task_run_id::VARCHAR AS task_run_id,
    loops.loop_id::BIGINT AS loop_id,
    loops.workspace_id::VARCHAR AS workspace_id,
    loops.role::VARCHAR AS role,
    loops.action::VARCHAR AS action,
    loops.cached::BOOLEAN AS cached,
    loops.nav_drawdown::DOUBLE AS nav_drawdown,
    true::BOOLEAN AS selected_on_test,
    loops.provenance::MAP(VARCHAR, VARCHAR) AS provenance
FROM rdlake_tables.loops AS loops
LEFT JOIN curves ON curves.workspace_id = loops.workspace_id
LEFT JOIN pictures ON pictures.workspace_id = loops.workspace_id
LEFT JOIN rdlake_tables.feedback AS feedback ON feedback.workspace_id = loops.workspace_id
LEFT JOIN rdlake_tables.strategies AS strategies ON strategies.belongs_to = loops.strategy_id
WHERE loops.has_result;

COMMENT ON VIEW strategy_detail IS 'The strategy page of AIstock: one row per experiment with a result; strategy_id repeats.';
COMMENT ON COLUMN strategy_detail.strategy_id IS 'id of the configuration that really ran; null while not known';
COMMENT ON COLUMN strategy_detail.name IS 'class of the model · class of the strategy topk/n_drop · market, of the configuration that ran; null if one is not known';
COMMENT ON COLUMN strategy_detail.shape IS 'portfolio with a curve, else signal with scores, else null';
COMMENT ON COLUMN strategy_detail.output_mode IS 'target_weight for strategies that hold the top k; null for others';
COMMENT ON COLUMN strategy_detail.source_key IS 'task_run_id/loop_id/workspace_id';
COMMENT ON COLUMN strategy_detail.created_at IS 'UTC; first trace message, else mlruns, else registry; null while not known';
COMMENT ON COLUMN strategy_detail.status IS 'success, skipped, failed, running; null while not known';
COMMENT ON COLUMN strategy_detail.factor_names IS 'factor columns the back-test was given, in their order';
COMMENT ON COLUMN strategy_detail.factor_source_summary IS 'number of inputs by source: rdagent_generated, base; null while not known';
COMMENT ON COLUMN strategy_detail.annual_return IS 'excess over the benchmark after cost: daily mean × 238, not compounded (qlib)';
COMMENT ON COLUMN strategy_detail.max_drawdown IS 'of the summed excess after cost, ≤ 0 (qlib)';
COMMENT ON COLUMN strategy_detail.sharpe IS 'from the curve: net_return mean / std (ddof 1) × √238';
COMMENT ON COLUMN strategy_detail.win_rate IS 'from the curve: share of all days with net_return > 0';
COMMENT ON COLUMN strategy_detail.equity_curve IS 'days of the back-test; nav after cost, 1 is the start, as in the view equity_curve; null without a curve';
COMMENT ON COLUMN strategy_detail.equity_curve_chart_url IS 'path of the picture in artifact_list; null where there is none';
COMMENT ON COLUMN strategy_detail.decision IS 'accepted by RD-Agent, on the test segment; null while not known';
COMMENT ON COLUMN strategy_detail.limitations IS 'as RD-Agent stated them; empty when it gave none, null without feedback';
COMMENT ON COLUMN strategy_detail.code_critic IS 'as RD-Agent stated it; empty when it gave none, null without feedback';
COMMENT ON COLUMN strategy_detail.hypothesis IS 'the next hypothesis, else the one that was tested';
COMMENT ON COLUMN strategy_detail.task_run_id IS 'RD-Agent run';
COMMENT ON COLUMN strategy_detail.loop_id IS 'number of the loop within its run';
COMMENT ON COLUMN strategy_detail.workspace_id IS 'name of the workspace folder';
COMMENT ON COLUMN strategy_detail.role IS 'experiment or baseline';
COMMENT ON COLUMN strategy_detail.action IS 'factor or model; null while not known';
COMMENT ON COLUMN strategy_detail.cached IS 'the result came from the cache of RD-Agent; null while not known';
COMMENT ON COLUMN strategy_detail.nav_drawdown IS 'from the curve: largest drawdown of nav, ≤ 0';
COMMENT ON COLUMN strategy_detail.selected_on_test IS 'true: figures are of the test segment, on which RD-Agent also decided; optimistic by construction';
COMMENT ON COLUMN strategy_detail.provenance IS 'field -> where its value was found';
