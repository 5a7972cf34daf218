CREATE VIEW factor_contents AS
SELECT
    factors.factor_name::VARCHAR AS name,
    factors.values_sha256::VARCHAR AS values_sha256,
    max(factors.value_fingerprint)::VARCHAR[] AS value_fingerprint
FROM rdlake_tables.factors AS factors
LEFT JOIN rdlake_tables.loops AS loops ON loops.workspace_id = factors.workspace_id
WHERE factors.values_sha256 IS NOT NULL
    AND (loops.workspace_id IS NOT NULL OR starts_with(factors.workspace_id, 'external:'))
GROUP BY factors.factor_name, factors.values_sha256;

COMMENT ON VIEW factor_contents IS 'What values a factor has had: one row per name and digest of values.';
COMMENT ON COLUMN factor_contents.name IS 'name of the factor';
COMMENT ON COLUMN factor_contents.values_sha256 IS 'digest of the values, whatever their file';
COMMENT ON COLUMN factor_contents.value_fingerprint IS 'digests of the order of instruments on some days; factors that share them are compared';
