-- How did the best loop do month by month, net of cost and over the benchmark?
SELECT
    strftime(date, '%Y-%m') AS month, round(sum(net_return), 4) AS net_return, round(sum(excess), 4) AS excess,
    count(*) AS days
FROM equity_curve
WHERE workspace_id = (
    SELECT workspace_id FROM loop_catalog
    WHERE annual_return IS NOT NULL AND role = 'experiment'
    ORDER BY annual_return DESC, workspace_id
    LIMIT 1
)
GROUP BY strftime(date, '%Y-%m')
ORDER BY month
LIMIT 12;
