-- has_result means at least one finite metric.
SELECT loops.workspace_id, loops.metrics
FROM rdlake_tables.loops AS loops
WHERE loops.has_result
    AND NOT EXISTS (
        SELECT 1 FROM (SELECT unnest(map_values(loops.metrics)) AS figure) WHERE isfinite(figure)
    );
