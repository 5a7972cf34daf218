-- A drawdown is never above zero.
SELECT workspace_id, date::VARCHAR AS date, drawdown, excess_drawdown
FROM rdlake_tables.equity_curves
WHERE drawdown > 0 OR excess_drawdown > 0 OR isnan(drawdown) OR isnan(excess_drawdown);
