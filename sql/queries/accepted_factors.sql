-- Which factors are in strategies that RD-Agent accepted, and how often?
SELECT factor, count(*) AS accepted_loops, round(max(annual_return), 4) AS best_annual_return
FROM (SELECT unnest(factor_names) AS factor, annual_return FROM loop_catalog WHERE decision AND role = 'experiment')
GROUP BY factor
ORDER BY accepted_loops DESC, factor
LIMIT 10;
