CREATE VIEW aistock_strategies AS
SELECT
    md5('strategy ' || loops.workspace_id)::VARCHAR AS id,
    (loops.task_run_id || '/' || loops.loop_id || '/' || loops.workspace_id)::VARCHAR AS strategy_key,
    (strategies.model_class || ' · ' || strategies.strategy_class || ' ' || strategies.topk || '/' || strategies.n_drop
        || ' · ' || strategies.market)::VARCHAR AS name,
    (CASE WHEN loops.has_curve THEN 'portfolio' WHEN loops.data_profile IS NOT NULL THEN 'signal' END)::VARCHAR AS shape,
    (CASE WHEN contains(strategies.strategy_class, 'Topk') THEN 'target_weight' END)::VARCHAR AS output_mode,
    'rdagent'::VARCHAR AS source,
    (CASE WHEN len(loops.factor_names) > 0 THEN md5('combination ' || loops.workspace_id || chr(10) || 'main') END)
        ::VARCHAR AS factor_combination_id,
    loops.created_at::TIMESTAMP AS created_at,
    (CASE WHEN loops.decision THEN 'rdagent_accept' WHEN NOT loops.decision THEN 'rdagent_reject' ELSE 'manual_review' END)
        ::VARCHAR AS recommendation_status,
    loops.workspace_id::VARCHAR AS workspace_id
FROM rdlake_tables.loops AS loops
LEFT JOIN rdlake_tables.strategies AS strategies ON strategies.belongs_to = loops.strategy_id
WHERE loops.has_result;

COMMENT ON VIEW aistock_strategies IS 'The strategies as the archive of AIstock keeps them: one row per experiment with a result.';
COMMENT ON COLUMN aistock_strategies.id IS 'made of the workspace; the same in every catalog version';
COMMENT ON COLUMN aistock_strategies.strategy_key IS 'task_run_id/loop_id/workspace_id';
COMMENT ON COLUMN aistock_strategies.name IS 'as in strategy_detail';
COMMENT ON COLUMN aistock_strategies.shape IS 'portfolio with a curve, else signal with scores, else null';
COMMENT ON COLUMN aistock_strategies.output_mode IS 'target_weight for strategies that hold the top k; null for others';
COMMENT ON COLUMN aistock_strategies.source IS 'rdagent: RD-Agent made every experiment of this lake';
COMMENT ON COLUMN aistock_strategies.factor_combination_id IS 'id in aistock_factor_combinations of all its factors; null without any';
COMMENT ON COLUMN aistock_strategies.created_at IS 'UTC; null while not known';
COMMENT ON COLUMN aistock_strategies.recommendation_status IS 'rdagent_accept, rdagent_reject, on the test segment; manual_review where RD-Agent did not decide';
COMMENT ON COLUMN aistock_strategies.workspace_id IS 'name of the workspace folder of the experiment';
