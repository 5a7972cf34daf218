-- key: name, source
CREATE VIEW factor_catalog AS
SELECT * FROM /* rows of factor_catalog */ (
    WITH carried AS (
        SELECT
            factors.*,
            loops.experiment_id,
            strftime(coalesce(factors.created_at, TIMESTAMP '1970-01-01'), '%Y-%m-%d %H:%M:%S.%f ')
                || factors.workspace_id AS recency
        FROM rdlake_tables.factors AS factors
        LEFT JOIN rdlake_tables.loops AS loops ON loops.workspace_id = factors.workspace_id
        WHERE starts_with(factors.workspace_id, 'external:')
            OR (factors.position IS NOT NULL AND loops.workspace_id IS NOT NULL)
    )
    SELECT
        factor_name::VARCHAR AS name,
        source::VARCHAR AS source,
        arg_max(expression, recency)::VARCHAR AS expression,
        arg_max(description_cn, recency)::VARCHAR AS description_cn,
        arg_max(formula_hint, recency)::VARCHAR AS formula_hint,
        arg_max(expression_fingerprint, recency)::VARCHAR AS expression_fingerprint,
        arg_max(variables, recency)::MAP(VARCHAR, VARCHAR) AS variables,
        arg_max(tags, recency)::VARCHAR[] AS tags,
        arg_max(region, recency)::VARCHAR AS region,
        arg_max(freq, recency)::VARCHAR AS freq,
        arg_max(align, recency)::VARCHAR AS align,
        arg_max(nan_policy, recency)::VARCHAR AS nan_policy,
        arg_max(impl_module, recency)::VARCHAR AS impl_module,
        arg_max(impl_func, recency)::VARCHAR AS impl_func,
        arg_max(impl_version, recency)::VARCHAR AS impl_version,
        arg_max(interface_info, recency)::VARCHAR AS interface_info,
        count(DISTINCT experiment_id)::BIGINT AS experiments,
        (arg_min(experiment_id, recency) FILTER (WHERE created_at IS NOT NULL))::VARCHAR AS first_experiment_id,
        (arg_max(experiment_id, recency) FILTER (WHERE created_at IS NOT NULL))::VARCHAR AS latest_experiment_id,
        min(created_at)::TIMESTAMP AS created_at
    FROM carried
    GROUP BY factor_name, source
) /* made when published */;

COMMENT ON VIEW factor_catalog IS 'One row per factor and source: those that some back-test was given, and those of external libraries.';
COMMENT ON COLUMN factor_catalog.name IS 'name of the factor';
COMMENT ON COLUMN factor_catalog.source IS 'rdagent_generated, qlib_alpha158, qlib_alpha360, alpha_library, external_manual';
COMMENT ON COLUMN factor_catalog.expression IS 'formula; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.description_cn IS 'description; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.formula_hint IS 'formula as the source has it; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.expression_fingerprint IS 'digest of the formula whatever its spelling; equal ones are one formula; of the latest experiment that states one';
COMMENT ON COLUMN factor_catalog.variables IS 'symbol -> meaning; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.tags IS 'labels; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.region IS 'market region; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.freq IS 'bar length; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.align IS 'price it is aligned with; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.nan_policy IS 'treatment of missing values; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.impl_module IS 'module of the shared library; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.impl_func IS 'function of the shared library; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.impl_version IS 'version of the shared library; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.interface_info IS 'JSON: type and standard_wrapper; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.experiments IS 'number of experiments that carried it';
COMMENT ON COLUMN factor_catalog.first_experiment_id IS 'earliest experiment; null while no time is known';
COMMENT ON COLUMN factor_catalog.latest_experiment_id IS 'latest experiment; null while no time is known';
COMMENT ON COLUMN factor_catalog.created_at IS 'UTC; time of the earliest experiment; null while not known';
