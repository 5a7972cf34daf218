-- What qlib_res.csv states and what the curve proves agree, or ingests has the warning that they do not.
WITH proven AS (
    SELECT
        workspace_id,
        avg(excess) * 238 AS with_cost,
        avg("return" - bench) * 238 AS without_cost,
        min(drawdown) AS nav_drawdown,
        arg_max(nav, date) AS final_nav
    FROM rdlake_tables.equity_curves
    GROUP BY workspace_id
),
compared AS (
    SELECT
        loops.workspace_id,
        unnest([
            {
                'figure': '1day.excess_return_with_cost.annualized_return',
                'stated': loops.annual_return_with_cost,
                'proven': proven.with_cost
            },
            {
                'figure': '1day.excess_return_without_cost.annualized_return',
                'stated': loops.annual_return_without_cost,
                'proven': proven.without_cost
            },
            {'figure': 'nav_drawdown', 'stated': loops.nav_drawdown, 'proven': proven.nav_drawdown},
            {'figure': 'final_nav', 'stated': loops.final_nav, 'proven': proven.final_nav}
        ]) AS each
    FROM rdlake_tables.loops AS loops
    JOIN proven ON proven.workspace_id = loops.workspace_id
    WHERE loops.has_curve
),
-- The tolerance is a little wider than that of ingest. So ingest has warned of every difference found here.
differing AS (
    SELECT workspace_id, each.figure AS figure, each.stated AS stated, each.proven AS proven
    FROM compared
    WHERE isfinite(each.proven)
        AND abs(each.stated - each.proven) > greatest(2e-9, 2e-6 * greatest(abs(each.stated), abs(each.proven)))
),
told AS (
    SELECT workspace_id, unnest(findings).reason AS reason FROM rdlake_tables.ingests
)
SELECT differing.*
FROM differing
WHERE NOT EXISTS (
    SELECT 1
    FROM told
    WHERE told.workspace_id = differing.workspace_id AND starts_with(told.reason, differing.figure || ' is ')
);
