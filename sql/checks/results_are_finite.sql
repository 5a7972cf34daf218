-- has_result means at least one finite metric.
SELECT workspace_id, metrics
FROM rdlake_tables.loops
WHERE has_result
    AND coalesce(len(list_filter(map_values(metrics), lambda figure: isfinite(figure))), 0) = 0;
