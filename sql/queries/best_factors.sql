-- Which factors rank instruments best on the test segment, counted over enough days? (At least 30 here; ask for 250 where there is a year.)
SELECT
    factor_name, round(rank_ic_mean, 4) AS rank_ic, round(rank_ic_ir, 3) AS rank_ic_ir, rank_ic_days AS days,
    round(coverage, 3) AS coverage, workspace_id
FROM rdlake_tables.factor_perf
WHERE "window" = 'test' AND rank_ic_days >= 30
ORDER BY abs(rank_ic_mean) DESC, factor_name, workspace_id
LIMIT 10;
