CREATE VIEW aistock_experiments AS
WITH archived AS (
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
),
files AS (
    SELECT
        workspace_id,
        list({'path': path, 'artifact_type': artifact_type, 'size': size, 'sha256': sha256} ORDER BY path) AS files
    FROM rdlake_tables.artifacts
    GROUP BY workspace_id
),
imported AS (
    SELECT workspace_id, min(ingested_at) AS imported_at FROM rdlake_tables.ingests GROUP BY workspace_id
)
SELECT
    id::VARCHAR AS id,
    task_run_id::VARCHAR AS task_run_id,
    loop_id::BIGINT AS loop_id,
    workspace_id::VARCHAR AS workspace_id,
    strategy_id::VARCHAR AS strategy_id,
    archiving_level::BIGINT AS archiving_level,
    metrics_json::VARCHAR AS metrics_json,
    feedback_json::VARCHAR AS feedback_json,
    file_refs_json::VARCHAR AS file_refs_json,
    created_at::TIMESTAMP AS created_at,
    imported_at::TIMESTAMP AS imported_at
FROM (
    SELECT
        md5('experiment ' || loops.workspace_id) AS id,
        loops.task_run_id,
        loops.loop_id,
        loops.workspace_id,
        loops.strategy_id,
        coalesce(archived.level, 0) AS archiving_level,
        to_json(loops.metrics) AS metrics_json,
        CASE
            WHEN feedback.workspace_id IS NOT NULL THEN to_json({
                'decision': feedback.decision, 'hypothesis': feedback.hypothesis,
                'summary_execution': feedback.summary_execution,
                'summary_value_feedback': feedback.summary_value_feedback,
                'summary_shape_feedback': feedback.summary_shape_feedback,
                'code_critic': feedback.code_critic, 'limitations': feedback.limitations
            })
        END AS feedback_json,
        to_json(files.files) AS file_refs_json,
        loops.created_at,
        imported.imported_at
    FROM rdlake_tables.loops AS loops
    LEFT JOIN archived ON archived.workspace_id = loops.workspace_id
        AND archived.source_digest = loops.source_digest
    LEFT JOIN rdlake_tables.feedback AS feedback ON feedback.workspace_id = loops.workspace_id
    LEFT JOIN files ON files.workspace_id = loops.workspace_id
    LEFT JOIN imported ON imported.workspace_id = loops.workspace_id
    WHERE NOT starts_with(loops.workspace_id, 'none_')
);

COMMENT ON VIEW aistock_experiments IS 'The experiments as the archive of AIstock keeps them: one row per workspace, also without a result.';
COMMENT ON COLUMN aistock_experiments.id IS 'made of the workspace; the same in every catalog version';
COMMENT ON COLUMN aistock_experiments.task_run_id IS 'RD-Agent run; synthetic_<workspace_id> while the run is not known';
COMMENT ON COLUMN aistock_experiments.loop_id IS 'number of the loop within its run';
COMMENT ON COLUMN aistock_experiments.workspace_id IS 'name of the workspace folder';
COMMENT ON COLUMN aistock_experiments.strategy_id IS 'id of the configuration that really ran; null while not known';
COMMENT ON COLUMN aistock_experiments.archiving_level IS '0: not in an archive; 1: rows are; 2: also every file worth keeping';
COMMENT ON COLUMN aistock_experiments.metrics_json IS 'JSON: metric -> value, under the names of qlib; null without any';
COMMENT ON COLUMN aistock_experiments.feedback_json IS 'JSON: decision, hypothesis, summary_execution, summary_value_feedback, summary_shape_feedback, code_critic, limitations; null without feedback';
COMMENT ON COLUMN aistock_experiments.file_refs_json IS 'JSON: each file of the workspace with path, artifact_type, size, sha256; null without files';
COMMENT ON COLUMN aistock_experiments.created_at IS 'UTC; time of the experiment; null while not known';
COMMENT ON COLUMN aistock_experiments.imported_at IS 'UTC; when the folder was first read into the lake; null for one that only logs or catalogs tell of';
