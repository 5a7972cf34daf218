CREATE VIEW group_words AS
WITH tried AS (
    SELECT DISTINCT task_run_id FROM rdlake_tables.loops WHERE has_result
),
-- A run that was known by its log alone may have received its registered name later.
renamed AS (
    SELECT 'run/' || log_path AS old_id, 'run/' || min(task_run_id) AS group_id
    FROM rdlake_tables.task_runs
    WHERE log_path IS DISTINCT FROM task_run_id
        AND log_path NOT IN (SELECT task_run_id FROM tried)
        AND task_run_id IN (SELECT task_run_id FROM tried)
    GROUP BY log_path
    HAVING count(DISTINCT task_run_id) = 1
),
said AS (
    SELECT entries.*, coalesce(renamed.group_id, entries.group_id) AS of_group
    FROM rdlake_tables.experiment_groups AS entries
    LEFT JOIN renamed ON renamed.old_id = entries.group_id
    QUALIFY row_number() OVER (
        PARTITION BY coalesce(renamed.group_id, entries.group_id), entries.workspace_id
        ORDER BY entries.said_at DESC NULLS LAST, entries.entry_id
    ) = 1
)
SELECT
    of_group::VARCHAR AS group_id,
    workspace_id::VARCHAR AS workspace_id,
    name::VARCHAR AS name,
    role::VARCHAR AS role,
    coalesce(removed, false)::BOOLEAN AS removed,
    origin::VARCHAR AS origin,
    note::VARCHAR AS note,
    said_at::TIMESTAMP AS said_at
FROM said;

COMMENT ON VIEW group_words IS 'What a person last said of a group, or of an experiment in it.';
COMMENT ON COLUMN group_words.group_id IS 'as in group_members; of a run by its newest name';
COMMENT ON COLUMN group_words.workspace_id IS 'name of the workspace folder of the experiment; * for the group itself';
COMMENT ON COLUMN group_words.name IS 'name of the group; null where nothing was said of it';
COMMENT ON COLUMN group_words.role IS 'control or treatment; null where nothing was said of it';
COMMENT ON COLUMN group_words.removed IS 'the experiment, or the group, is not to be shown';
COMMENT ON COLUMN group_words.origin IS 'who said it';
COMMENT ON COLUMN group_words.note IS 'why, in the words of the person';
COMMENT ON COLUMN group_words.said_at IS 'UTC';
