-- What did the last ingest find to be looked at, most frequent first?
SELECT level, file, left(reason, 80) AS reason, count(*) AS times, min(fix) AS fix
FROM ingest_report
WHERE latest AND level IS NOT NULL
GROUP BY level, file, left(reason, 80)
ORDER BY times DESC, level, reason, file
LIMIT 10;
