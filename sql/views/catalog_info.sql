CREATE VIEW catalog_info AS
SELECT
    catalogs.lake_id::VARCHAR AS lake_id,
    ('lake_root_' || left(catalogs.lake_id, 8))::VARCHAR AS lake_root_variable,
    catalogs.catalog_version::BIGINT AS catalog_version,
    catalogs.published_at::TIMESTAMP AS published_at,
    catalogs.contract_version::VARCHAR AS contract_version,
    catalogs.rdlake_version::VARCHAR AS rdlake_version,
    catalogs.rolled_back_to::BIGINT AS rolled_back_to
FROM rdlake_tables.catalogs AS catalogs
WHERE catalogs.catalog_version = (SELECT max(catalog_version) FROM rdlake_tables.catalogs);

COMMENT ON VIEW catalog_info IS 'One row: what this file is.';
COMMENT ON COLUMN catalog_info.lake_id IS 'id of the lake';
COMMENT ON COLUMN catalog_info.lake_root_variable IS 'SET VARIABLE of this name tells where this lake lies, if elsewhere; lake_root does for all';
COMMENT ON COLUMN catalog_info.catalog_version IS 'this version';
COMMENT ON COLUMN catalog_info.published_at IS 'UTC';
COMMENT ON COLUMN catalog_info.contract_version IS 'version of the views';
COMMENT ON COLUMN catalog_info.rdlake_version IS 'program that published it';
COMMENT ON COLUMN catalog_info.rolled_back_to IS 'version whose tables it pins again';
