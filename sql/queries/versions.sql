-- Which catalog versions are there, and which checks were allowed to fail? (rdlake catalogs diff 1 2 tells what changed.)
SELECT catalog_version, note, contract_version, rolled_back_to, allowed_checks
FROM catalog_versions
ORDER BY catalog_version DESC
LIMIT 10;
