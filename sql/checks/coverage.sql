-- A share is within 0 and 1: the coverage of a factor, what the scored data lack.
SELECT 'factor_perf' AS part, workspace_id, factor_name || ' ' || "window" AS row, coverage AS share
FROM rdlake_tables.factor_perf
WHERE NOT coverage BETWEEN 0 AND 1
UNION ALL
SELECT 'loops', workspace_id, 'score_missing', data_profile.score_missing
FROM rdlake_tables.loops
WHERE NOT data_profile.score_missing BETWEEN 0 AND 1
UNION ALL
SELECT 'loops', workspace_id, 'label_missing', data_profile.label_missing
FROM rdlake_tables.loops
WHERE NOT data_profile.label_missing BETWEEN 0 AND 1;
