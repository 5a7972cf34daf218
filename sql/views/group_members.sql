-- key: group_id, workspace_id
CREATE VIEW group_members AS
SELECT * FROM /* rows of group_members */ (
    WITH tried AS (
        SELECT
            loops.workspace_id,
            loops.task_run_id,
            loops.role AS own_role,
            loops.strategy_id,
            coalesce(loops.based_on[len(loops.based_on)], '') AS parent,
            coalesce(to_json(list_sort(loops.factor_names))::VARCHAR, '[]') AS factor_set,
            strftime(coalesce(loops.created_at, TIMESTAMP '1970-01-01'), '%Y-%m-%d %H:%M:%S.%f ')
                || loops.workspace_id AS recency
        FROM rdlake_tables.loops AS loops
        WHERE loops.has_result
    ),
    placed AS (
        SELECT
            'run' AS kind, 'run/' || task_run_id AS group_id, 'run ' || task_run_id AS name,
            workspace_id, own_role, recency, own_role = 'baseline' AS may_control, workspace_id AS differs
        FROM tried
        UNION ALL
        SELECT
            'factor sets', 'factors/' || tried.strategy_id,
            'factor sets of ' || concat_ws(' · ', strategies.model_class, strategies.strategy_class, strategies.market),
            tried.workspace_id, own_role, recency, factor_set = '[]', factor_set
        FROM tried
        JOIN rdlake_tables.strategies AS strategies ON strategies.belongs_to = tried.strategy_id
        UNION ALL
        SELECT
            'variants',
            'variants/' || md5(concat_ws(chr(10), strategies.model_class, strategies.strategy_class, strategies.market, factor_set)),
            'variants of ' || concat_ws(' · ', strategies.model_class, strategies.strategy_class, strategies.market),
            tried.workspace_id, own_role, recency, own_role = 'baseline', tried.strategy_id
        FROM tried
        JOIN rdlake_tables.strategies AS strategies ON strategies.belongs_to = tried.strategy_id
        WHERE strategies.model_class IS NOT NULL AND strategies.strategy_class IS NOT NULL
            AND strategies.market IS NOT NULL
        UNION ALL
        SELECT
            'lineage', 'lineage/' || tried.parent, 'built on ' || tried.parent,
            tried.workspace_id, tried.own_role, tried.recency, false, tried.workspace_id
        FROM tried
        JOIN tried AS parents ON parents.workspace_id = tried.parent
        UNION ALL
        SELECT DISTINCT
            'lineage', 'lineage/' || parents.workspace_id, 'built on ' || parents.workspace_id,
            parents.workspace_id, parents.own_role, parents.recency, true, parents.workspace_id
        FROM tried
        JOIN tried AS parents ON parents.workspace_id = tried.parent
    ),
    -- A group is worth a name where something in it differs; its first possible control is the control.
    derived AS (
        SELECT
            placed.*,
            CASE
                WHEN may_control AND row_number() OVER (
                    PARTITION BY group_id ORDER BY (CASE WHEN may_control THEN 0 ELSE 1 END), recency
                ) = 1 THEN 'control'
                WHEN own_role = 'baseline' THEN 'baseline'
                ELSE 'treatment'
            END AS role
        FROM placed
        WHERE group_id IN (SELECT group_id FROM placed GROUP BY group_id HAVING count(DISTINCT differs) > 1)
    ),
    -- A run that was known by its log alone may have got its registered name since.
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
        SELECT
            coalesce(renamed.group_id, entries.group_id) AS group_id, entries.workspace_id, entries.name,
            entries.role, coalesce(entries.removed, false) AS removed, entries.origin, entries.note, entries.said_at
        FROM rdlake_tables.experiment_groups AS entries
        LEFT JOIN renamed ON renamed.old_id = entries.group_id
        QUALIFY row_number() OVER (
            PARTITION BY coalesce(renamed.group_id, entries.group_id), entries.workspace_id
            ORDER BY entries.said_at DESC NULLS LAST, entries.entry_id
        ) = 1
    ),
    of_groups AS (SELECT * FROM said WHERE workspace_id = '*'),
    named AS (SELECT DISTINCT kind, group_id, name FROM derived),
    members AS (
        SELECT
            coalesce(derived.group_id, said.group_id) AS group_id,
            coalesce(derived.workspace_id, said.workspace_id) AS workspace_id,
            said.role AS said_role,
            derived.role AS derived_role,
            coalesce(said.origin, 'derived') AS origin,
            said.note,
            said.said_at
        FROM derived
        FULL JOIN (SELECT * FROM said WHERE workspace_id <> '*') AS said
            ON said.group_id = derived.group_id AND said.workspace_id = derived.workspace_id
        WHERE NOT coalesce(said.removed, false)
    ),
    -- What a person calls the control goes before what follows from the evidence; of several the last said.
    controls AS (
        SELECT group_id, workspace_id
        FROM members
        WHERE coalesce(said_role, derived_role) = 'control'
        QUALIFY row_number() OVER (
            PARTITION BY group_id
            ORDER BY (CASE WHEN said_role = 'control' THEN 0 ELSE 1 END), said_at DESC NULLS LAST, workspace_id
        ) = 1
    )
    SELECT
        members.group_id::VARCHAR AS group_id,
        coalesce(of_groups.name, named.name, members.group_id)::VARCHAR AS name,
        coalesce(named.kind, 'own')::VARCHAR AS kind,
        members.workspace_id::VARCHAR AS workspace_id,
        loops.task_run_id::VARCHAR AS task_run_id,
        loops.loop_id::BIGINT AS loop_id,
        loops.experiment_id::VARCHAR AS experiment_id,
        (CASE
            WHEN controls.workspace_id = members.workspace_id THEN 'control'
            WHEN coalesce(members.said_role, members.derived_role, 'treatment') <> 'control'
                THEN coalesce(members.said_role, members.derived_role, 'treatment')
            WHEN loops.role = 'baseline' THEN 'baseline'
            ELSE 'treatment'
        END)::VARCHAR AS role,
        controls.workspace_id::VARCHAR AS control_workspace_id,
        members.origin::VARCHAR AS origin,
        members.note::VARCHAR AS note
    FROM members
    LEFT JOIN named ON named.group_id = members.group_id
    LEFT JOIN of_groups ON of_groups.group_id = members.group_id
    LEFT JOIN controls ON controls.group_id = members.group_id
    LEFT JOIN rdlake_tables.loops AS loops ON loops.workspace_id = members.workspace_id
    WHERE NOT coalesce(of_groups.removed, false)
) /* made when published */;

COMMENT ON VIEW group_members IS 'One row per experiment of a group to compare: groups that follow from runs, lineage and configurations, and those that a person made or changed.';
COMMENT ON COLUMN group_members.group_id IS 'run/<task_run_id>, factors/<strategy_id>, variants/<digest>, lineage/<workspace_id>, own/<id>; stays when the group is renamed';
COMMENT ON COLUMN group_members.name IS 'name of the group; a person may change it';
COMMENT ON COLUMN group_members.kind IS 'run; factor sets: different factors on one configuration; variants: configurations of one model and strategy class with the same factors; lineage: what was built on one experiment; own: made by a person';
COMMENT ON COLUMN group_members.workspace_id IS 'name of the workspace folder of the experiment';
COMMENT ON COLUMN group_members.task_run_id IS 'RD-Agent run';
COMMENT ON COLUMN group_members.loop_id IS 'number of the loop within its run';
COMMENT ON COLUMN group_members.experiment_id IS 'task_run_id/loop_id; ends in /baseline for a baseline';
COMMENT ON COLUMN group_members.role IS 'control: what the others are compared with; treatment; baseline: of a run, where something else is the control';
COMMENT ON COLUMN group_members.control_workspace_id IS 'the control of the group; null where nothing is known to be one: a run without a baseline, no experiment without factors';
COMMENT ON COLUMN group_members.origin IS 'derived, or the person who said that it belongs here or what its role is';
COMMENT ON COLUMN group_members.note IS 'why, in the words of the person';
