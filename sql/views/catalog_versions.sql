CREATE VIEW catalog_versions AS
SELECT
    catalogs.catalog_version::BIGINT AS catalog_version,
    catalogs.published_at::TIMESTAMP AS published_at,
    catalogs.note::VARCHAR AS note,
    catalogs.contract_version::VARCHAR AS contract_version,
    catalogs.rdlake_version::VARCHAR AS rdlake_version,
    catalogs.rolled_back_to::BIGINT AS rolled_back_to,
    catalogs.allowed_checks::VARCHAR[] AS allowed_checks,
    catalogs.digest::VARCHAR AS digest
FROM rdlake_tables.catalogs AS catalogs;

COMMENT ON VIEW catalog_versions IS 'One row per catalog version published up to this one.';
COMMENT ON COLUMN catalog_versions.catalog_version IS '1, 2, 3, … without gaps';
COMMENT ON COLUMN catalog_versions.published_at IS 'UTC';
COMMENT ON COLUMN catalog_versions.note IS 'given by the publisher';
COMMENT ON COLUMN catalog_versions.contract_version IS 'version of the views';
COMMENT ON COLUMN catalog_versions.rdlake_version IS 'program that published it';
COMMENT ON COLUMN catalog_versions.rolled_back_to IS 'version whose tables it pins again';
COMMENT ON COLUMN catalog_versions.allowed_checks IS 'checks that were allowed to fail, by name';
COMMENT ON COLUMN catalog_versions.digest IS 'sha256 over the version; each covers the one before';
