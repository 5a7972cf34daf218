-- A drawdown is never above zero.
SELECT 'equity_curves' AS part, workspace_id, date::VARCHAR AS row, greatest(drawdown, excess_drawdown) AS drawdown
FROM rdlake_tables.equity_curves
WHERE drawdown > 0 OR excess_drawdown > 0 OR isnan(drawdown) OR isnan(excess_drawdown)
UNION ALL
SELECT 'loops', workspace_id, experiment_id, greatest(max_drawdown_with_cost, max_drawdown_without_cost, nav_drawdown)
FROM rdlake_tables.loops
WHERE max_drawdown_with_cost > 0 OR max_drawdown_without_cost > 0 OR nav_drawdown > 0
    OR isnan(max_drawdown_with_cost) OR isnan(max_drawdown_without_cost) OR isnan(nav_drawdown)
UNION ALL
SELECT 'factor_perf', workspace_id, factor_name || ' ' || "window", max_drawdown
FROM rdlake_tables.factor_perf
WHERE max_drawdown > 0 OR isnan(max_drawdown);
