-- A series of days has one row for each.
-- by series_id
-- Of the long tables the days are counted first, 64 to a number: what is as many as it has bits is no double.
WITH suspect_series AS (
    SELECT series_id
    FROM (
        SELECT series_id, count(*) AS rows, bit_or(1::UBIGINT << ((date - DATE '0001-01-01') % 64)::UBIGINT) AS days
        FROM rdlake_tables.factor_ic
        GROUP BY series_id, (date - DATE '0001-01-01') // 64
    )
    WHERE rows IS DISTINCT FROM bit_count(days)
)
SELECT 'factor_ic' AS view, concat_ws(' ', series_id, date) AS key, count(*) AS rows
FROM rdlake_tables.factor_ic WHERE series_id IN (SELECT series_id FROM suspect_series)
GROUP BY series_id, date HAVING count(*) > 1;
