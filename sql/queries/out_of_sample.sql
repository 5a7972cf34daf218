-- Which factors hold outside the window they were made on: the other days against test?
SELECT * FROM (
    SELECT DISTINCT
        train.factor_name, train."window" AS other_window, round(train.rank_ic_mean, 4) AS rank_ic_before, round(test.rank_ic_mean, 4) AS test_rank_ic,
        test.rank_ic_days AS test_days
    FROM rdlake_tables.factor_perf AS train
    JOIN rdlake_tables.factor_perf AS test
        ON test.workspace_id = train.workspace_id AND test.factor_name = train.factor_name
    WHERE train."window" IN ('train', 'valid', 'all') AND test."window" = 'test'
        AND train.rank_ic_mean IS NOT NULL AND test.rank_ic_mean IS NOT NULL
)
ORDER BY test_rank_ic DESC, factor_name, other_window, rank_ic_before, test_days
LIMIT 10;
