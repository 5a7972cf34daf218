CREATE VIEW group_places AS
WITH tried AS (
    SELECT
        loops.workspace_id,
        loops.task_run_id,
        loops.role,
        loops.created_at,
        loops.strategy_id,
        loops.based_on[len(loops.based_on)] AS parent,
        coalesce(to_json(list_sort(loops.factor_names))::VARCHAR, '[]') AS factor_set,
        strategies.belongs_to IS NOT NULL AS has_strategy,
        strategies.model_class,
        strategies.strategy_class,
        strategies.market
    FROM rdlake_tables.loops AS loops
    LEFT JOIN rdlake_tables.strategies AS strategies ON strategies.belongs_to = loops.strategy_id
    WHERE loops.has_result
),
placed AS (
    SELECT
        'run' AS kind, 'run/' || task_run_id AS group_id, 'run ' || task_run_id AS name,
        workspace_id, role, created_at, role = 'baseline' AS may_control, workspace_id AS differs
    FROM tried
    UNION ALL
    SELECT
        'factor sets', 'factors/' || strategy_id,
        'factor sets of ' || concat_ws(' · ', model_class, strategy_class, market),
        workspace_id, role, created_at, factor_set = '[]', factor_set
    FROM tried
    WHERE has_strategy
    UNION ALL
    SELECT
        'variants', 'variants/' || md5(concat_ws(chr(10), model_class, strategy_class, market, factor_set)),
        'variants of ' || concat_ws(' · ', model_class, strategy_class, market),
        workspace_id, role, created_at, role = 'baseline', strategy_id
    FROM tried
    WHERE model_class IS NOT NULL AND strategy_class IS NOT NULL AND market IS NOT NULL
    UNION ALL
    SELECT
        'lineage', 'lineage/' || parent, 'built on ' || parent,
        workspace_id, role, created_at, false, workspace_id
    FROM tried
    WHERE parent <> workspace_id
    UNION ALL
    -- An experiment heads a group of those that build on it.
    SELECT
        'lineage', 'lineage/' || workspace_id, 'built on ' || workspace_id,
        workspace_id, role, created_at, true, workspace_id
    FROM tried
)
SELECT
    group_id::VARCHAR AS group_id,
    kind::VARCHAR AS kind,
    name::VARCHAR AS name,
    workspace_id::VARCHAR AS workspace_id,
    role::VARCHAR AS role,
    created_at::TIMESTAMP AS created_at,
    may_control::BOOLEAN AS may_control,
    differs::VARCHAR AS differs
FROM placed
WHERE group_id IS NOT NULL;

COMMENT ON VIEW group_places IS 'Where each experiment with a result stands by itself, groups of one too: one row per experiment and group that follows from runs, lineage and configurations.';
COMMENT ON COLUMN group_places.group_id IS 'as in group_members';
COMMENT ON COLUMN group_places.kind IS 'as in group_members';
COMMENT ON COLUMN group_places.name IS 'name of the group, before a person gave it another';
COMMENT ON COLUMN group_places.workspace_id IS 'name of the workspace folder of the experiment';
COMMENT ON COLUMN group_places.role IS 'experiment or baseline';
COMMENT ON COLUMN group_places.created_at IS 'UTC; null while not known';
COMMENT ON COLUMN group_places.may_control IS 'the earliest experiment for which this is true is the control';
COMMENT ON COLUMN group_places.differs IS 'what the members of such a group differ in: one in which nothing differs is not worth a name';
