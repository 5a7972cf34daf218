CREATE VIEW aistock_factors AS
SELECT
    md5('factor ' || source || chr(10) || name)::VARCHAR AS id,
    name::VARCHAR AS name,
    impl_version::VARCHAR AS version,
    source::VARCHAR AS source,
    description_cn::VARCHAR AS description_cn,
    formula_hint::VARCHAR AS formula_hint,
    tags::VARCHAR[] AS tags,
    md5('experiment ' || first_workspace_id)::VARCHAR AS first_experiment_id,
    created_at_utc::TIMESTAMP AS created_at
FROM factor_catalog;

COMMENT ON VIEW aistock_factors IS 'The factors as the archive of AIstock keeps them: one row per name and source.';
COMMENT ON COLUMN aistock_factors.id IS 'made of source and name; the same in every catalog version';
COMMENT ON COLUMN aistock_factors.name IS 'name of the factor';
COMMENT ON COLUMN aistock_factors.version IS 'version of the shared library that has it; null while not known';
COMMENT ON COLUMN aistock_factors.source IS 'where it comes from, as in factor_catalog';
COMMENT ON COLUMN aistock_factors.description_cn IS 'description; of the latest experiment that states it';
COMMENT ON COLUMN aistock_factors.formula_hint IS 'formula as the source has it; likewise';
COMMENT ON COLUMN aistock_factors.tags IS 'labels; likewise';
COMMENT ON COLUMN aistock_factors.first_experiment_id IS 'id in aistock_experiments of the earliest experiment; null while no time is known';
COMMENT ON COLUMN aistock_factors.created_at IS 'UTC; time of the earliest experiment; null while not known';
