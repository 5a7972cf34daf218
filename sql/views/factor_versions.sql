CREATE VIEW factor_versions AS
WITH carried AS (
    SELECT
        factors.source,
        factors.factor_name,
        factors.values_sha256,
        -- A later loop may carry the same values without their code.
        coalesce(
            factors.code_sha256,
            max(factors.code_sha256) OVER (PARTITION BY factors.source, factors.factor_name, factors.values_sha256)
        ) AS code_sha256,
        coalesce(
            factors.expression_fingerprint,
            max(factors.expression_fingerprint)
                OVER (PARTITION BY factors.source, factors.factor_name, factors.values_sha256)
        ) AS expression_fingerprint,
        factors.created_at,
        loops.experiment_id,
        factors.workspace_id
    FROM rdlake_tables.factors AS factors
    JOIN rdlake_tables.loops AS loops ON loops.workspace_id = factors.workspace_id
    WHERE factors.position IS NOT NULL
        AND coalesce(factors.values_sha256, factors.code_sha256, factors.expression_fingerprint) IS NOT NULL
),
versions AS (
    SELECT
        source,
        factor_name,
        code_sha256,
        expression_fingerprint,
        values_sha256,
        count(DISTINCT experiment_id) AS experiments,
        min(created_at) AS first_seen,
        max(created_at) AS last_seen,
        first(experiment_id ORDER BY created_at NULLS LAST, workspace_id) FILTER (WHERE experiment_id IS NOT NULL)
            AS first_experiment_id
    FROM carried
    GROUP BY source, factor_name, code_sha256, expression_fingerprint, values_sha256
),
numbered AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY source, factor_name
            ORDER BY first_seen NULLS LAST, first_experiment_id, code_sha256 NULLS LAST,
                expression_fingerprint NULLS LAST, values_sha256 NULLS LAST
        ) AS version,
        count(*) OVER (PARTITION BY source, factor_name) AS versions
    FROM versions
)
SELECT
    factor_name::VARCHAR AS name,
    source::VARCHAR AS source,
    version::BIGINT AS version,
    versions::BIGINT AS versions,
    code_sha256::VARCHAR AS code_sha256,
    expression_fingerprint::VARCHAR AS expression_fingerprint,
    values_sha256::VARCHAR AS values_sha256,
    experiments::BIGINT AS experiments,
    first_experiment_id::VARCHAR AS first_experiment_id,
    first_seen::TIMESTAMP AS first_seen,
    last_seen::TIMESTAMP AS last_seen
FROM numbered
WHERE versions > 1;

COMMENT ON VIEW factor_versions IS 'One row per version of a factor whose name stands for more than one: other code, another formula, or other values.';
COMMENT ON COLUMN factor_versions.name IS 'name of the factor';
COMMENT ON COLUMN factor_versions.source IS 'where it comes from, as in factor_catalog';
COMMENT ON COLUMN factor_versions.version IS 'number in order of first_seen, from 1; those without a time come last';
COMMENT ON COLUMN factor_versions.versions IS 'how many there are under this name';
COMMENT ON COLUMN factor_versions.code_sha256 IS 'digest of the code; null while not known';
COMMENT ON COLUMN factor_versions.expression_fingerprint IS 'digest of the normalised formula; null while not known';
COMMENT ON COLUMN factor_versions.values_sha256 IS 'digest of the values; other days or instruments are other values; null while not known';
COMMENT ON COLUMN factor_versions.experiments IS 'number of experiments that carried it';
COMMENT ON COLUMN factor_versions.first_experiment_id IS 'the earliest of them; without times the first by workspace';
COMMENT ON COLUMN factor_versions.first_seen IS 'UTC; time of the earliest; null while not known';
COMMENT ON COLUMN factor_versions.last_seen IS 'UTC; time of the latest; null while not known';
