CREATE VIEW loop_result AS
SELECT
    task_run_id::VARCHAR AS task_run_id,
    loop_id::BIGINT AS loop_id,
    workspace_id::VARCHAR AS workspace_id,
    strategy_id::VARCHAR AS strategy_id,
    status::VARCHAR AS status,
    has_result::BOOLEAN AS has_result,
    step_name::VARCHAR AS step_name,
    action::VARCHAR AS action,
    metrics::MAP(VARCHAR, DOUBLE) AS metrics,
    decision::BOOLEAN AS decision,
    summary_texts.execution::VARCHAR AS summary_execution,
    summary_texts.value_feedback::VARCHAR AS summary_value_feedback,
    summary_texts.shape_feedback::VARCHAR AS summary_shape_feedback,
    paths::STRUCT(
        factor_meta VARCHAR, factor_perf VARCHAR, feedback VARCHAR, ret_curve VARCHAR, dd_curve VARCHAR
    ) AS paths
FROM loop_catalog;

COMMENT ON VIEW loop_result IS 'The table of this name in AIstock: one row per experiment with a result.';
COMMENT ON COLUMN loop_result.task_run_id IS 'RD-Agent run';
COMMENT ON COLUMN loop_result.loop_id IS 'number of the loop within its run';
COMMENT ON COLUMN loop_result.workspace_id IS 'name of the workspace folder';
COMMENT ON COLUMN loop_result.strategy_id IS 'id of the configuration that really ran; null while not known';
COMMENT ON COLUMN loop_result.status IS 'success, skipped, failed, running; null while not known';
COMMENT ON COLUMN loop_result.has_result IS 'at least one finite metric; always true here';
COMMENT ON COLUMN loop_result.step_name IS 'step, as the registry has it';
COMMENT ON COLUMN loop_result.action IS 'factor or model; null while not known';
COMMENT ON COLUMN loop_result.metrics IS 'every metric under the name qlib gave it, and under the names of the protocol: annualized_return and max_drawdown are the with-cost ones';
COMMENT ON COLUMN loop_result.decision IS 'accepted by RD-Agent, on the test segment; null while not known';
COMMENT ON COLUMN loop_result.summary_execution IS 'observations of the run';
COMMENT ON COLUMN loop_result.summary_value_feedback IS 'evaluation of the hypothesis';
COMMENT ON COLUMN loop_result.summary_shape_feedback IS 'reason of the decision';
COMMENT ON COLUMN loop_result.paths IS 'names of the files in the workspace, as in artifact_list; null where there is none';
