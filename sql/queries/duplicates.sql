-- Which factors are one idea under two names?
SELECT name, other_name, round(correlation, 4) AS correlation, sign, same_values
FROM factor_duplicates
WHERE is_duplicate
ORDER BY name, other_name
LIMIT 10;
