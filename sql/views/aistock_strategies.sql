-- key: id
CREATE VIEW aistock_strategies AS
SELECT
    md5('strategy ' || detail.workspace_id)::VARCHAR AS id,
    detail.source_key::VARCHAR AS strategy_key,
    detail.name::VARCHAR AS name,
    detail.shape::VARCHAR AS shape,
    detail.output_mode::VARCHAR AS output_mode,
    'rdagent'::VARCHAR AS source,
    (CASE WHEN len(detail.factor_names) > 0 THEN md5('combination ' || detail.workspace_id || chr(10) || 'main') END)::VARCHAR AS factor_combination_id,
    detail.created_at::TIMESTAMP AS created_at,
    (CASE WHEN detail.decision THEN 'rdagent_accept' WHEN NOT detail.decision THEN 'rdagent_reject' ELSE 'manual_review' END)::VARCHAR AS recommendation_status
FROM strategy_detail AS detail;

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
