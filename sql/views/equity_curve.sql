CREATE VIEW equity_curve AS
SELECT
    task_run_id::VARCHAR AS task_run_id,
    loop_id::BIGINT AS loop_id,
    workspace_id::VARCHAR AS workspace_id,
    date::DATE AS date,
    nav::DOUBLE AS nav,
    drawdown::DOUBLE AS drawdown,
    net_return::DOUBLE AS net_return,
    excess::DOUBLE AS excess,
    cum_excess::DOUBLE AS cum_excess,
    excess_drawdown::DOUBLE AS excess_drawdown,
    "return"::DOUBLE AS "return",
    cost::DOUBLE AS cost,
    bench::DOUBLE AS bench,
    turnover::DOUBLE AS turnover,
    account::DOUBLE AS account,
    value::DOUBLE AS value,
    cash::DOUBLE AS cash
FROM rdlake_tables.equity_curves;

COMMENT ON VIEW equity_curve IS 'One row per day of the back-test of each experiment.';
COMMENT ON COLUMN equity_curve.task_run_id IS 'RD-Agent run';
COMMENT ON COLUMN equity_curve.loop_id IS 'number of the loop within its run';
COMMENT ON COLUMN equity_curve.workspace_id IS 'name of the workspace folder of the experiment';
COMMENT ON COLUMN equity_curve.date IS 'trading day';
COMMENT ON COLUMN equity_curve.nav IS 'product of 1 + net_return up to and including the day; 1 is the start; a day without a return is null and does not count';
COMMENT ON COLUMN equity_curve.drawdown IS 'nav divided by its peak so far (at least 1), minus 1; ≤ 0';
COMMENT ON COLUMN equity_curve.net_return IS 'return − cost';
COMMENT ON COLUMN equity_curve.excess IS 'return − bench − cost';
COMMENT ON COLUMN equity_curve.cum_excess IS 'sum of excess up to and including the day (the convention of qlib)';
COMMENT ON COLUMN equity_curve.excess_drawdown IS 'cum_excess minus its peak so far (at least 0); ≤ 0';
COMMENT ON COLUMN equity_curve."return" IS 'return of the day before cost, as qlib wrote it';
COMMENT ON COLUMN equity_curve.cost IS 'cost of the day as a share of the account, as qlib wrote it';
COMMENT ON COLUMN equity_curve.bench IS 'return of the benchmark, as qlib wrote it';
COMMENT ON COLUMN equity_curve.turnover IS 'share of the account traded, as qlib wrote it';
COMMENT ON COLUMN equity_curve.account IS 'account balance in currency, as qlib wrote it';
COMMENT ON COLUMN equity_curve.value IS 'value of the positions in currency, as qlib wrote it';
COMMENT ON COLUMN equity_curve.cash IS 'cash in currency, as qlib wrote it';
