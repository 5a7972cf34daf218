-- On which days did most strategies lose at once?
SELECT
    date, count(*) AS curves, count(*) FILTER (WHERE net_return < 0) AS losing,
    round(avg(net_return), 5) AS mean_net_return
FROM equity_curve
WHERE net_return IS NOT NULL
GROUP BY date
ORDER BY mean_net_return, date
LIMIT 10;
