CREATE VIEW ingest_report AS
WITH listed AS (
    SELECT
        *,
        CASE
            WHEN len(findings) > 0 THEN findings
            ELSE [NULL::STRUCT(level VARCHAR, file VARCHAR, reason VARCHAR, fix VARCHAR)]
        END AS told
    FROM rdlake_tables.ingests
),
report AS (
    SELECT *, generate_subscripts(told, 1) AS place, unnest(told) AS finding FROM listed
)
SELECT
    report.batch_id::VARCHAR AS batch_id,
    report.workspace_id::VARCHAR AS workspace_id,
    (CASE WHEN len(report.findings) > 0 THEN report.place ELSE 0 END)::BIGINT AS position,
    report.ingested_at::TIMESTAMP AS ingested_at,
    report.status::VARCHAR AS status,
    report.role::VARCHAR AS role,
    report.finding.level::VARCHAR AS level,
    report.finding.file::VARCHAR AS file,
    report.finding.reason::VARCHAR AS reason,
    report.finding.fix::VARCHAR AS fix,
    (report.ingested_at = max(report.ingested_at) OVER (PARTITION BY report.workspace_id))::BOOLEAN AS latest
FROM report;

COMMENT ON VIEW ingest_report IS 'What became of each workspace at each ingest; one row per problem found, or one without.';
COMMENT ON COLUMN ingest_report.batch_id IS 'one batch of one ingest';
COMMENT ON COLUMN ingest_report.workspace_id IS 'name of the folder';
COMMENT ON COLUMN ingest_report.position IS 'number of the problem, from 1; 0 where there was none';
COMMENT ON COLUMN ingest_report.ingested_at IS 'UTC';
COMMENT ON COLUMN ingest_report.status IS 'ok, partial, skipped or failed';
COMMENT ON COLUMN ingest_report.role IS 'of a folder: experiment, baseline, sub, unused or junk; run, registry, catalog or external for others';
COMMENT ON COLUMN ingest_report.level IS 'error: something is missing from the lake; warning: look at it';
COMMENT ON COLUMN ingest_report.file IS 'file within the workspace';
COMMENT ON COLUMN ingest_report.reason IS 'what is wrong';
COMMENT ON COLUMN ingest_report.fix IS 'what to do about it';
COMMENT ON COLUMN ingest_report.latest IS 'true for the last ingest of the workspace';
