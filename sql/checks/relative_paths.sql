-- Paths in the lake are relative and POSIX.
SELECT workspace_id, path
FROM rdlake_tables.artifacts
WHERE starts_with(path, '/') OR regexp_matches(path, '^[A-Za-z]:[\\/]') OR regexp_matches(path, '(^|/)\.\.(/|$)');
