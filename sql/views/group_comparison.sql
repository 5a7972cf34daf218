CREATE VIEW group_comparison AS
WITH places AS MATERIALIZED (
    SELECT * FROM group_places
),
-- A group is shown when its members differ in something. The earliest possible control is the control.
derived AS (
    SELECT
        *,
        CASE
            WHEN may_control AND row_number() OVER (
                PARTITION BY group_id ORDER BY (CASE WHEN may_control THEN 0 ELSE 1 END), created_at NULLS FIRST, workspace_id
            ) = 1 THEN 'control'
            WHEN own_role = 'baseline' THEN 'baseline'
            ELSE 'treatment'
        END AS role
    FROM (
        SELECT
            group_id, kind, name, workspace_id, role AS own_role, may_control, created_at
        FROM places
    )
    WHERE group_id IN (
        SELECT group_id
        FROM places
        GROUP BY group_id, kind
        HAVING count(DISTINCT differs) > 1 AND (kind <> 'lineage' OR bool_or(may_control))
    )
),
of_groups AS (SELECT * FROM group_words WHERE workspace_id = '*'),
named AS (SELECT DISTINCT kind, group_id, name FROM derived),
members AS (
    SELECT
        coalesce(derived.group_id, said.group_id) AS group_id,
        coalesce(derived.workspace_id, said.workspace_id) AS workspace_id,
        said.role AS said_role,
        derived.role AS derived_role,
        coalesce(said.origin, 'derived') AS origin,
        said.note,
        said.said_at
    FROM derived
    FULL JOIN (SELECT * FROM group_words WHERE workspace_id <> '*') AS said
        ON said.group_id = derived.group_id AND said.workspace_id = derived.workspace_id
    WHERE NOT coalesce(said.removed, false)
),
-- A person's choice of control wins over the derived one; of several choices the last one wins.
controls AS (
    SELECT group_id, workspace_id
    FROM members
    WHERE coalesce(said_role, derived_role) = 'control'
    QUALIFY row_number() OVER (
        PARTITION BY group_id
        ORDER BY (CASE WHEN said_role = 'control' THEN 0 ELSE 1 END), said_at DESC NULLS LAST, workspace_id
    ) = 1
),
groups AS (
    SELECT
        members.group_id,
        coalesce(of_groups.name, named.name, members.group_id) AS name,
        coalesce(named.kind, 'own') AS kind,
        members.workspace_id,
        controls.workspace_id AS control_workspace_id,
        coalesce(members.said_role, members.derived_role, 'treatment') AS called,
        members.origin,
        members.note
    FROM members
    LEFT JOIN named ON named.group_id = members.group_id
    LEFT JOIN of_groups ON of_groups.group_id = members.group_id
    LEFT JOIN controls ON controls.group_id = members.group_id
    WHERE NOT coalesce(of_groups.removed, false)
),
-- Several parts of the query below read this; without MATERIALIZED each would compute it again.
loops AS MATERIALIZED (
    SELECT
        workspace_id, task_run_id, loop_id, experiment_id, role, strategy_id, factor_names, decision, ic, rank_ic,
        annual_return, max_drawdown, information_ratio, sharpe, win_rate, mean_turnover
    FROM rdlake_tables.loops
    WHERE workspace_id IN (SELECT workspace_id FROM groups UNION SELECT control_workspace_id FROM groups)
),
pairs AS (
    SELECT
        groups.group_id, groups.workspace_id, groups.control_workspace_id, here.factor_names AS here_factors,
        control.factor_names AS control_factors, here.strategy_id, control.strategy_id AS control_strategy_id
    FROM groups
    LEFT JOIN loops AS here ON here.workspace_id = groups.workspace_id
    LEFT JOIN loops AS control ON control.workspace_id = groups.control_workspace_id
    WHERE groups.control_workspace_id <> groups.workspace_id
),
-- Read the days of a control once for all experiments that are compared with it.
curves AS MATERIALIZED (
    SELECT workspace_id, date, net_return
    FROM rdlake_tables.equity_curves
    WHERE workspace_id IN (SELECT workspace_id FROM pairs UNION SELECT control_workspace_id FROM pairs)
),
-- Left joins keep their order. In another order DuckDB would join all days with all days.
days AS (
    SELECT
        pairs.group_id, pairs.workspace_id, here.date,
        CASE WHEN isfinite(here.net_return) AND isfinite(control.net_return) THEN here.net_return END AS x,
        CASE WHEN isfinite(here.net_return) AND isfinite(control.net_return) THEN control.net_return END AS y
    FROM pairs
    LEFT JOIN curves AS here ON here.workspace_id = pairs.workspace_id
    LEFT JOIN curves AS control
        ON control.workspace_id = pairs.control_workspace_id AND control.date = here.date
),
-- Sums run in the order of days, so that even their last digit is always the same.
centred AS (
    SELECT
        group_id, workspace_id, date, x, y,
        x - avg(x) OVER of_the_pair AS dx,
        y - avg(y) OVER of_the_pair AS dy
    FROM days
    WINDOW of_the_pair AS (
        PARTITION BY group_id, workspace_id ORDER BY date
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
),
moments AS (
    SELECT
        group_id, workspace_id, nullif(count(x), 0) AS days, max(x) > min(x) AND max(y) > min(y) AS moves,
        sum(dx * dy ORDER BY date) AS xy, sum(dx * dx ORDER BY date) AS xx, sum(dy * dy ORDER BY date) AS yy
    FROM centred
    GROUP BY group_id, workspace_id
),
correlated AS (
    SELECT
        group_id, workspace_id, days,
        CASE
            WHEN moves AND xx > 0 AND yy > 0
                THEN xy / (sqrt(CASE WHEN xx > 0 THEN xx END) * sqrt(CASE WHEN yy > 0 THEN yy END))
        END AS correlation
    FROM moments
),
factors_together AS (
    SELECT group_id, workspace_id, factor, bool_or(is_here) AS is_here, bool_or(NOT is_here) AS is_there
    FROM (
        SELECT group_id, workspace_id, unnest(here_factors) AS factor, true AS is_here FROM pairs
        UNION ALL
        SELECT group_id, workspace_id, unnest(control_factors), false FROM pairs
    )
    GROUP BY group_id, workspace_id, factor
),
overlap AS (
    SELECT
        group_id, workspace_id,
        list(factor ORDER BY factor) FILTER (WHERE is_here AND is_there) AS shared,
        list(factor ORDER BY factor) FILTER (WHERE is_here AND NOT is_there) AS only_here,
        list(factor ORDER BY factor) FILTER (WHERE is_there AND NOT is_here) AS only_there
    FROM factors_together
    GROUP BY group_id, workspace_id
),
configurations AS (
    SELECT DISTINCT group_id, strategy_id, control_strategy_id
    FROM pairs
    WHERE strategy_id <> control_strategy_id
),
settings AS (
    SELECT belongs_to AS strategy_id, unnest(map_entries(settings)) AS entry
    FROM rdlake_tables.strategies
    WHERE belongs_to = strategy_id
),
settings_together AS (
    SELECT group_id, strategy_id, control_strategy_id, setting, min(here) AS here, min(control) AS control
    FROM (
        SELECT configurations.*, settings.entry.key AS setting, settings.entry.value AS here, NULL::VARCHAR AS control
        FROM configurations JOIN settings ON settings.strategy_id = configurations.strategy_id
        UNION ALL
        SELECT configurations.*, settings.entry.key, NULL::VARCHAR, settings.entry.value
        FROM configurations JOIN settings ON settings.strategy_id = configurations.control_strategy_id
    )
    GROUP BY group_id, strategy_id, control_strategy_id, setting
),
differences AS (
    SELECT
        group_id, strategy_id, control_strategy_id,
        list({'setting': setting, 'here': here, 'control': control} ORDER BY setting) AS differing
    FROM settings_together
    WHERE here IS DISTINCT FROM control
    GROUP BY group_id, strategy_id, control_strategy_id
)
SELECT
    groups.group_id::VARCHAR AS group_id,
    groups.name::VARCHAR AS name,
    groups.kind::VARCHAR AS kind,
    groups.workspace_id::VARCHAR AS workspace_id,
    here.task_run_id::VARCHAR AS task_run_id,
    here.loop_id::BIGINT AS loop_id,
    here.experiment_id::VARCHAR AS experiment_id,
    (CASE
        WHEN groups.control_workspace_id = groups.workspace_id THEN 'control'
        WHEN groups.called <> 'control' THEN groups.called
        WHEN here.role = 'baseline' THEN 'baseline'
        ELSE 'treatment'
    END)::VARCHAR AS role,
    groups.origin::VARCHAR AS origin,
    groups.note::VARCHAR AS note,
    groups.control_workspace_id::VARCHAR AS control_workspace_id,
    here.decision::BOOLEAN AS decision,
    here.ic::DOUBLE AS ic,
    here.rank_ic::DOUBLE AS rank_ic,
    here.annual_return::DOUBLE AS annual_return,
    here.max_drawdown::DOUBLE AS max_drawdown,
    here.information_ratio::DOUBLE AS information_ratio,
    here.sharpe::DOUBLE AS sharpe,
    here.win_rate::DOUBLE AS win_rate,
    here.mean_turnover::DOUBLE AS mean_turnover,
    (CASE WHEN groups.control_workspace_id <> groups.workspace_id THEN here.ic - control.ic END)::DOUBLE AS ic_difference,
    (CASE WHEN groups.control_workspace_id <> groups.workspace_id THEN here.rank_ic - control.rank_ic END)::DOUBLE AS rank_ic_difference,
    (CASE WHEN groups.control_workspace_id <> groups.workspace_id THEN here.annual_return - control.annual_return END)::DOUBLE AS annual_return_difference,
    (CASE WHEN groups.control_workspace_id <> groups.workspace_id THEN here.max_drawdown - control.max_drawdown END)::DOUBLE AS max_drawdown_difference,
    (CASE WHEN groups.control_workspace_id <> groups.workspace_id THEN here.information_ratio - control.information_ratio END)::DOUBLE AS information_ratio_difference,
    (CASE WHEN groups.control_workspace_id <> groups.workspace_id THEN here.sharpe - control.sharpe END)::DOUBLE AS sharpe_difference,
    (CASE WHEN groups.control_workspace_id <> groups.workspace_id THEN here.win_rate - control.win_rate END)::DOUBLE AS win_rate_difference,
    (CASE WHEN groups.control_workspace_id <> groups.workspace_id THEN here.mean_turnover - control.mean_turnover END)::DOUBLE AS mean_turnover_difference,
    coalesce(overlap.shared, []::VARCHAR[])::VARCHAR[] AS factors_shared,
    coalesce(overlap.only_here, []::VARCHAR[])::VARCHAR[] AS factors_only_here,
    coalesce(overlap.only_there, []::VARCHAR[])::VARCHAR[] AS factors_only_in_control,
    correlated.days::BIGINT AS common_days,
    correlated.correlation::DOUBLE AS net_return_correlation,
    here.strategy_id::VARCHAR AS strategy_id,
    (CASE
        WHEN here.strategy_id = control.strategy_id THEN []::STRUCT(setting VARCHAR, here VARCHAR, control VARCHAR)[]
        ELSE differences.differing
    END)::STRUCT(setting VARCHAR, here VARCHAR, control VARCHAR)[] AS configuration_differences
FROM groups
LEFT JOIN loops AS here ON here.workspace_id = groups.workspace_id
LEFT JOIN loops AS control ON control.workspace_id = groups.control_workspace_id
LEFT JOIN overlap ON overlap.group_id = groups.group_id AND overlap.workspace_id = groups.workspace_id
LEFT JOIN correlated ON correlated.group_id = groups.group_id AND correlated.workspace_id = groups.workspace_id
LEFT JOIN differences
    ON differences.group_id = groups.group_id
    AND differences.strategy_id = here.strategy_id AND differences.control_strategy_id = control.strategy_id;

COMMENT ON VIEW group_comparison IS 'One row per experiment of a group beside the control of the group. Ask for one group: WHERE group_id = ….';
COMMENT ON COLUMN group_comparison.group_id IS 'as in group_members';
COMMENT ON COLUMN group_comparison.name IS 'name of the group';
COMMENT ON COLUMN group_comparison.kind IS 'as in group_members';
COMMENT ON COLUMN group_comparison.workspace_id IS 'name of the workspace folder of the experiment';
COMMENT ON COLUMN group_comparison.task_run_id IS 'RD-Agent run';
COMMENT ON COLUMN group_comparison.loop_id IS 'number of the loop within its run';
COMMENT ON COLUMN group_comparison.experiment_id IS 'task_run_id/loop_id; ends in /baseline for a baseline';
COMMENT ON COLUMN group_comparison.role IS 'control, treatment or baseline';
COMMENT ON COLUMN group_comparison.origin IS 'derived, or the person who put it here';
COMMENT ON COLUMN group_comparison.note IS 'why, in the words of the person';
COMMENT ON COLUMN group_comparison.control_workspace_id IS 'what it is compared with; null where the group has no control';
COMMENT ON COLUMN group_comparison.decision IS 'accepted by RD-Agent; null while not known';
COMMENT ON COLUMN group_comparison.ic IS 'mean daily Pearson correlation of prediction and label';
COMMENT ON COLUMN group_comparison.rank_ic IS 'mean daily rank correlation of prediction and label';
COMMENT ON COLUMN group_comparison.annual_return IS 'excess over the benchmark after cost: daily mean × 238, not compounded';
COMMENT ON COLUMN group_comparison.max_drawdown IS 'of the summed excess after cost, ≤ 0';
COMMENT ON COLUMN group_comparison.information_ratio IS 'daily excess after cost: mean / std × √238';
COMMENT ON COLUMN group_comparison.sharpe IS 'from the curve: net_return mean / std × √238';
COMMENT ON COLUMN group_comparison.win_rate IS 'from the curve: share of days with net_return > 0';
COMMENT ON COLUMN group_comparison.mean_turnover IS 'from the curve: mean daily turnover';
COMMENT ON COLUMN group_comparison.ic_difference IS 'ic minus that of the control; null for the control itself';
COMMENT ON COLUMN group_comparison.rank_ic_difference IS 'rank_ic minus that of the control; null for the control itself';
COMMENT ON COLUMN group_comparison.annual_return_difference IS 'annual_return minus that of the control; null for the control itself';
COMMENT ON COLUMN group_comparison.max_drawdown_difference IS 'max_drawdown minus that of the control; null for the control itself';
COMMENT ON COLUMN group_comparison.information_ratio_difference IS 'information_ratio minus that of the control; null for the control itself';
COMMENT ON COLUMN group_comparison.sharpe_difference IS 'sharpe minus that of the control; null for the control itself';
COMMENT ON COLUMN group_comparison.win_rate_difference IS 'win_rate minus that of the control; null for the control itself';
COMMENT ON COLUMN group_comparison.mean_turnover_difference IS 'mean_turnover minus that of the control; null for the control itself';
COMMENT ON COLUMN group_comparison.factors_shared IS 'factors that both were given, by name; empty for the control';
COMMENT ON COLUMN group_comparison.factors_only_here IS 'factors that only this experiment was given';
COMMENT ON COLUMN group_comparison.factors_only_in_control IS 'factors that only the control was given';
COMMENT ON COLUMN group_comparison.common_days IS 'days on which both curves have a net return; null without a curve';
COMMENT ON COLUMN group_comparison.net_return_correlation IS 'Pearson correlation of the daily net returns over the common days; null where one side is constant';
COMMENT ON COLUMN group_comparison.strategy_id IS 'id of the configuration that really ran; null while not known';
COMMENT ON COLUMN group_comparison.configuration_differences IS 'leaves of the configuration that differ from the control, as JSON; empty for equal ones, null while one is not known';
