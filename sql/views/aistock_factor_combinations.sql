CREATE VIEW aistock_factor_combinations AS
WITH -- A set has a row per window.
combinations AS (
    SELECT workspace_id, name, arg_min(factor_names, "window") AS factor_names
    FROM rdlake_tables.factor_combinations
    GROUP BY workspace_id, name
)
SELECT
    id::VARCHAR AS id,
    name::VARCHAR AS name,
    factor_ids::VARCHAR[] AS factor_ids,
    experiment_id::VARCHAR AS experiment_id,
    workspace_id::VARCHAR AS workspace_id
FROM (
    SELECT
        combinations.workspace_id,
        md5('combination ' || combinations.workspace_id || chr(10) || combinations.name) AS id,
        combinations.name,
        list(md5('factor ' || factors.source || chr(10) || factors.factor_name) ORDER BY factors.position, factors.factor_name)
            FILTER (WHERE factors.factor_name IS NOT NULL) AS factor_ids,
        md5('experiment ' || combinations.workspace_id) AS experiment_id
    FROM combinations
    JOIN rdlake_tables.loops AS loops ON loops.workspace_id = combinations.workspace_id
    LEFT JOIN rdlake_tables.factors AS factors
        ON factors.workspace_id = combinations.workspace_id
        AND factors.position IS NOT NULL
        -- A combination has the names of the columns; a task may use another name.
        AND list_contains(
            combinations.factor_names,
            coalesce(
                CASE WHEN factors.position < len(loops.factor_names) THEN loops.factor_names[factors.position + 1] END,
                factors.factor_name
            )
        )
    GROUP BY combinations.workspace_id, combinations.name
);

COMMENT ON VIEW aistock_factor_combinations IS 'Sets of factors that were back-tested together, as the archive of AIstock keeps them: one row per experiment and set.';
COMMENT ON COLUMN aistock_factor_combinations.id IS 'made of workspace and name; the same in every catalog version';
COMMENT ON COLUMN aistock_factor_combinations.name IS 'main: all factors of the back-test';
COMMENT ON COLUMN aistock_factor_combinations.factor_ids IS 'ids in aistock_factors, in the order of the factor table';
COMMENT ON COLUMN aistock_factor_combinations.experiment_id IS 'id in aistock_experiments';
COMMENT ON COLUMN aistock_factor_combinations.workspace_id IS 'name of the workspace folder of the experiment';
