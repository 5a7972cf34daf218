-- Which factors lost what they had: how does the second half of their days compare with the first?
WITH series AS (
    SELECT series_id, min(factor_name) AS factor_name FROM rdlake_tables.factor_perf
    WHERE series_id IS NOT NULL GROUP BY series_id
),
days AS (
    SELECT
        series_id, rank_ic,
        ntile(2) OVER (PARTITION BY series_id ORDER BY date) AS half
    FROM rdlake_tables.factor_ic
    WHERE rank_ic IS NOT NULL
)
SELECT
    series.factor_name,
    round(avg(days.rank_ic) FILTER (WHERE half = 1), 4) AS first_half,
    round(avg(days.rank_ic) FILTER (WHERE half = 2), 4) AS second_half,
    count(*) AS days
FROM days
JOIN series ON series.series_id = days.series_id
GROUP BY series.series_id, series.factor_name
HAVING abs(avg(days.rank_ic) FILTER (WHERE half = 2)) < 0.5 * abs(avg(days.rank_ic) FILTER (WHERE half = 1))
ORDER BY abs(first_half) DESC, series.factor_name
LIMIT 10;
