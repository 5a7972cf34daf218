CREATE VIEW factor_registry AS
SELECT
    name::VARCHAR AS name,
    source::VARCHAR AS source,
    expression::VARCHAR AS expression,
    region::VARCHAR AS region,
    tags::VARCHAR[] AS tags,
    description_cn::VARCHAR AS description_cn,
    formula_hint::VARCHAR AS formula_hint,
    variables::MAP(VARCHAR, VARCHAR) AS variables,
    impl_module::VARCHAR AS impl_module,
    impl_func::VARCHAR AS impl_func,
    impl_version::VARCHAR AS impl_version,
    freq::VARCHAR AS freq,
    align::VARCHAR AS align,
    nan_policy::VARCHAR AS nan_policy
FROM factor_catalog;

COMMENT ON VIEW factor_registry IS 'The table of this name in AIstock: one row per factor and source, without figures.';
COMMENT ON COLUMN factor_registry.name IS 'name of the factor';
COMMENT ON COLUMN factor_registry.source IS 'rdagent_generated, qlib_alpha158, qlib_alpha360, alpha_library, external_manual';
COMMENT ON COLUMN factor_registry.expression IS 'formula; of the latest experiment that states it';
COMMENT ON COLUMN factor_registry.region IS 'market region; likewise';
COMMENT ON COLUMN factor_registry.tags IS 'labels; likewise';
COMMENT ON COLUMN factor_registry.description_cn IS 'description; likewise';
COMMENT ON COLUMN factor_registry.formula_hint IS 'formula as the source has it; likewise';
COMMENT ON COLUMN factor_registry.variables IS 'symbol -> meaning; likewise';
COMMENT ON COLUMN factor_registry.impl_module IS 'module of the shared library; likewise';
COMMENT ON COLUMN factor_registry.impl_func IS 'function of the shared library; likewise';
COMMENT ON COLUMN factor_registry.impl_version IS 'version of the shared library; likewise';
COMMENT ON COLUMN factor_registry.freq IS 'bar length; likewise';
COMMENT ON COLUMN factor_registry.align IS 'price it is aligned with; likewise';
COMMENT ON COLUMN factor_registry.nan_policy IS 'treatment of missing values; likewise';
