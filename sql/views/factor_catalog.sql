CREATE VIEW factor_catalog AS
WITH carried AS (
    SELECT
        factors.*,
        loops.experiment_id,
        loops.decision,
        -- The back-test may have used another name than the task: that of the column.
        coalesce(
            CASE WHEN factors.position < len(loops.factor_names) THEN loops.factor_names[factors.position + 1] END,
            factors.factor_name
        ) AS input_name,
        -- The larger, the later: the place of an experiment among those that have the factor.
        row_number() OVER (
            PARTITION BY factors.factor_name, factors.source
            ORDER BY factors.created_at NULLS FIRST, factors.workspace_id
        ) AS recency
    FROM rdlake_tables.factors AS factors
    LEFT JOIN rdlake_tables.loops AS loops ON loops.workspace_id = factors.workspace_id
    WHERE starts_with(factors.workspace_id, 'external:')
        OR (factors.position IS NOT NULL AND loops.workspace_id IS NOT NULL)
),
described AS (
    SELECT
        factor_name,
        source,
        arg_max(expression, recency) AS expression,
        arg_max(description_cn, recency) AS description_cn,
        arg_max(formula_hint, recency) AS formula_hint,
        arg_max(expression_fingerprint, recency) AS expression_fingerprint,
        arg_max(variables, recency) AS variables,
        arg_max(tags, recency) AS tags,
        arg_max(region, recency) AS region,
        arg_max(freq, recency) AS freq,
        arg_max(align, recency) AS align,
        arg_max(nan_policy, recency) AS nan_policy,
        arg_max(impl_module, recency) AS impl_module,
        arg_max(impl_func, recency) AS impl_func,
        arg_max(impl_version, recency) AS impl_version,
        arg_max(interface_info, recency) AS interface_info,
        arg_max(provenance, recency) AS provenance,
        count(DISTINCT experiment_id) AS experiments,
        arg_min(experiment_id, recency) FILTER (WHERE created_at IS NOT NULL) AS first_experiment_id,
        arg_min(workspace_id, recency) FILTER (WHERE created_at IS NOT NULL AND experiment_id IS NOT NULL)
            AS first_workspace_id,
        arg_max(experiment_id, recency) FILTER (WHERE created_at IS NOT NULL) AS latest_experiment_id,
        min(created_at) AS created_at
    FROM carried
    GROUP BY factor_name, source
),
implemented AS (
    SELECT * FROM rdlake_tables.implementations
    WHERE latest
    QUALIFY row_number() OVER (PARTITION BY factor_name, source ORDER BY code_sha256) = 1
),
recent AS (
    SELECT
        factor_name,
        source,
        list(
            {
                'experiment_id': experiment_id, 'workspace_id': workspace_id,
                'created_at': created_at, 'decision': decision
            }
            ORDER BY recency DESC
        ) AS latest_experiments
    FROM (
        SELECT * FROM carried WHERE experiment_id IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY factor_name, source ORDER BY recency DESC) <= 10
    )
    GROUP BY factor_name, source
),
-- Several parts of the query below read this; without MATERIALIZED each would compute it again.
measured AS MATERIALIZED (
    SELECT carried.source, carried.experiment_id, carried.recency, perf.*
    FROM carried
    JOIN rdlake_tables.factor_perf AS perf
        ON perf.workspace_id = carried.workspace_id AND perf.factor_name = carried.factor_name
),
figures AS (
    SELECT
        *,
        -- Of all rows of a factor only those of the smallest tier are compared.
        CASE
            WHEN "window" = 'test' AND ic_days >= 250 THEN 1
            WHEN "window" = 'all' AND ic_days >= 250 THEN 2
            WHEN "window" = 'test' AND rank_ic_mean IS NOT NULL THEN 3
            WHEN "window" = 'all' AND rank_ic_mean IS NOT NULL THEN 4
            WHEN "window" = 'test' THEN 5
            ELSE 6
        END AS tier
    FROM measured
    WHERE "window" IN ('test', 'all')
),
comparable AS (
    SELECT
        factor_name,
        source,
        tier,
        workspace_id,
        recency,
        rank_ic_mean,
        {
            'experiment_id': experiment_id,
            'workspace_id': CASE WHEN NOT starts_with(workspace_id, 'external:') THEN workspace_id END,
            'window_name': "window",
            'start': start_date, 'end': end_date, 'ic_mean': ic_mean, 'ic_ir': ic_ir,
            'rank_ic_mean': rank_ic_mean, 'rank_ic_ir': rank_ic_ir, 'ic_days': ic_days,
            'coverage': coverage, 'annual_return': annual_return, 'max_drawdown': max_drawdown,
            'sharpe': sharpe, 'label_source': label_source
        } AS performance
    FROM figures
    QUALIFY tier = min(tier) OVER (PARTITION BY factor_name, source)
),
best AS (
    SELECT factor_name, source, performance
    FROM comparable
    WHERE rank_ic_mean IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY factor_name, source ORDER BY abs(rank_ic_mean) DESC, recency DESC) = 1
),
latest AS (
    SELECT factor_name, source, tier, workspace_id, performance
    FROM comparable
    QUALIFY row_number() OVER (PARTITION BY factor_name, source ORDER BY recency DESC) = 1
),
windows AS (
    SELECT
        latest.factor_name,
        latest.source,
        list(
            {
                'window_name': perf."window", 'start': perf.start_date, 'end': perf.end_date,
                'annual_return': perf.annual_return, 'max_drawdown': perf.max_drawdown, 'sharpe': perf.sharpe
            }
            ORDER BY perf.start_date, perf.end_date DESC, perf."window"
        ) AS windows
    FROM latest
    JOIN measured AS perf
        ON perf.workspace_id = latest.workspace_id AND perf.factor_name = latest.factor_name
        AND perf.source = latest.source
    GROUP BY latest.factor_name, latest.source
),
combined AS (
    SELECT
        carried.factor_name,
        carried.source,
        list(DISTINCT combinations.name ORDER BY combinations.name) AS combination_names,
        {
            'combinations': count(DISTINCT combinations.workspace_id || ' ' || combinations.name),
            'best_annual_return': max(combinations.annual_return),
            'median_annual_return': median(combinations.annual_return),
            'best_sharpe': max(combinations.sharpe),
            'worst_max_drawdown': min(combinations.max_drawdown)
        } AS combination_perf_summary
    FROM carried
    JOIN rdlake_tables.factor_combinations AS combinations
        ON combinations.workspace_id = carried.workspace_id
        AND list_contains(combinations.factor_names, carried.input_name)
    GROUP BY carried.factor_name, carried.source
)
SELECT
    described.factor_name::VARCHAR AS name,
    described.source::VARCHAR AS source,
    described.expression::VARCHAR AS expression,
    described.description_cn::VARCHAR AS description_cn,
    described.formula_hint::VARCHAR AS formula_hint,
    described.variables::MAP(VARCHAR, VARCHAR) AS variables,
    described.tags::VARCHAR[] AS tags,
    described.region::VARCHAR AS region,
    described.freq::VARCHAR AS freq,
    described.align::VARCHAR AS align,
    described.nan_policy::VARCHAR AS nan_policy,
    described.created_at::TIMESTAMP AS created_at_utc,
    described.first_experiment_id::VARCHAR AS experiment_id,
    (CASE
        WHEN implemented.factor_name IS NULL THEN described.impl_module
        ELSE implemented.impl_module
    END)::VARCHAR AS impl_module,
    (CASE
        WHEN implemented.factor_name IS NULL THEN described.impl_func
        ELSE implemented.impl_func
    END)::VARCHAR AS impl_func,
    (CASE
        WHEN implemented.factor_name IS NULL THEN described.impl_version
        ELSE implemented.impl_version
    END)::VARCHAR AS impl_version,
    (CASE
        WHEN json_valid(coalesce(implemented.interface_info, described.interface_info)) THEN {
            'type': json_extract_string(coalesce(implemented.interface_info, described.interface_info), '$.type'),
            'standard_wrapper': json_extract_string(coalesce(implemented.interface_info, described.interface_info), '$.standard_wrapper')
        }
    END)::STRUCT("type" VARCHAR, standard_wrapper VARCHAR) AS interface_info,
    described.expression_fingerprint::VARCHAR AS expression_fingerprint,
    described.experiments::BIGINT AS experiments,
    described.first_experiment_id::VARCHAR AS first_experiment_id,
    described.first_workspace_id::VARCHAR AS first_workspace_id,
    described.latest_experiment_id::VARCHAR AS latest_experiment_id,
    recent.latest_experiments::STRUCT(
        experiment_id VARCHAR, workspace_id VARCHAR, created_at TIMESTAMP, decision BOOLEAN
    )[] AS latest_experiments,
    best.performance::STRUCT(
        experiment_id VARCHAR, workspace_id VARCHAR, window_name VARCHAR, "start" DATE, "end" DATE,
        ic_mean DOUBLE, ic_ir DOUBLE, rank_ic_mean DOUBLE, rank_ic_ir DOUBLE, ic_days BIGINT, coverage DOUBLE,
        annual_return DOUBLE, max_drawdown DOUBLE, sharpe DOUBLE, label_source VARCHAR
    ) AS best_performance,
    latest.performance::STRUCT(
        experiment_id VARCHAR, workspace_id VARCHAR, window_name VARCHAR, "start" DATE, "end" DATE,
        ic_mean DOUBLE, ic_ir DOUBLE, rank_ic_mean DOUBLE, rank_ic_ir DOUBLE, ic_days BIGINT, coverage DOUBLE,
        annual_return DOUBLE, max_drawdown DOUBLE, sharpe DOUBLE, label_source VARCHAR
    ) AS latest_performance,
    (CASE latest.tier
        WHEN 1 THEN 'test'
        WHEN 2 THEN 'all'
        WHEN 3 THEN 'test, fewer than 250 days'
        WHEN 4 THEN 'all, fewer than 250 days'
        WHEN 5 THEN 'test, no IC'
        WHEN 6 THEN 'all, no IC'
    END)::VARCHAR AS performance_basis,
    windows.windows::STRUCT(
        window_name VARCHAR, "start" DATE, "end" DATE, annual_return DOUBLE, max_drawdown DOUBLE, sharpe DOUBLE
    )[] AS windows,
    combined.combination_names::VARCHAR[] AS combination_names,
    combined.combination_perf_summary::STRUCT(
        combinations BIGINT, best_annual_return DOUBLE, median_annual_return DOUBLE, best_sharpe DOUBLE,
        worst_max_drawdown DOUBLE
    ) AS combination_perf_summary,
    described.provenance::MAP(VARCHAR, VARCHAR) AS provenance
FROM described
LEFT JOIN implemented
    ON implemented.factor_name = described.factor_name AND implemented.source = described.source
LEFT JOIN recent ON recent.factor_name = described.factor_name AND recent.source = described.source
LEFT JOIN best ON best.factor_name = described.factor_name AND best.source = described.source
LEFT JOIN latest ON latest.factor_name = described.factor_name AND latest.source = described.source
LEFT JOIN windows ON windows.factor_name = described.factor_name AND windows.source = described.source
LEFT JOIN combined ON combined.factor_name = described.factor_name AND combined.source = described.source;

COMMENT ON VIEW factor_catalog IS 'One row per factor and source: those that some back-test was given, and those of external libraries.';
COMMENT ON COLUMN factor_catalog.name IS 'name of the factor';
COMMENT ON COLUMN factor_catalog.source IS 'rdagent_generated, qlib_alpha158, qlib_alpha360, alpha_library, external_manual';
COMMENT ON COLUMN factor_catalog.expression IS 'formula; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.description_cn IS 'description; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.formula_hint IS 'formula as the source has it; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.variables IS 'symbol -> meaning; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.tags IS 'labels; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.region IS 'market region; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.freq IS 'bar length; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.align IS 'price it is aligned with; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.nan_policy IS 'treatment of missing values; of the latest experiment that states it';
COMMENT ON COLUMN factor_catalog.created_at_utc IS 'UTC; time of the earliest experiment; null while not known';
COMMENT ON COLUMN factor_catalog.experiment_id IS 'same as first_experiment_id';
COMMENT ON COLUMN factor_catalog.impl_module IS 'module of the shared library, where libs sync wrote it; else as the latest experiment states it';
COMMENT ON COLUMN factor_catalog.impl_func IS 'function of the shared library, where libs sync wrote it; else as the latest experiment states it';
COMMENT ON COLUMN factor_catalog.impl_version IS 'version of the shared library, where libs sync wrote it; else as the latest experiment states it';
COMMENT ON COLUMN factor_catalog.interface_info IS 'type: class or function; standard_wrapper; of the same as impl_module';
COMMENT ON COLUMN factor_catalog.expression_fingerprint IS 'digest of the formula whatever its spelling; equal ones are one formula; of the latest experiment that states one';
COMMENT ON COLUMN factor_catalog.experiments IS 'number of experiments that carried it';
COMMENT ON COLUMN factor_catalog.first_experiment_id IS 'earliest experiment; null while no time is known';
COMMENT ON COLUMN factor_catalog.first_workspace_id IS 'workspace of the earliest experiment; null while no time is known';
COMMENT ON COLUMN factor_catalog.latest_experiment_id IS 'latest experiment; null while no time is known';
COMMENT ON COLUMN factor_catalog.latest_experiments IS 'up to ten experiments that carried it, the latest first; those without a time come last';
COMMENT ON COLUMN factor_catalog.best_performance IS 'own figures of the factor, as in factor_windows, where absolute rank_ic_mean is largest; of performance_basis; of equal ones the later';
COMMENT ON COLUMN factor_catalog.latest_performance IS 'own figures of the factor, as in factor_windows, in the latest experiment of performance_basis';
COMMENT ON COLUMN factor_catalog.performance_basis IS 'rows that best and latest are chosen among: window test with at least 250 days with an IC, else window all; else rows of fewer days, else without an IC; null without figures';
COMMENT ON COLUMN factor_catalog.windows IS 'each window of the experiment of latest_performance: first and last day inclusive; top minus bottom fifth, equal weights, no cost: annual_return is mean × 238, sharpe mean / std (ddof 1) × √238, max_drawdown of the compounded spread, ≤ 0';
COMMENT ON COLUMN factor_catalog.combination_names IS 'names of the combinations it was back-tested in; null for none';
COMMENT ON COLUMN factor_catalog.combination_perf_summary IS 'of these combinations: how many, and figures of their back-tests after cost as in loop_catalog; not the factor''s own';
COMMENT ON COLUMN factor_catalog.provenance IS 'field -> where its value was found, in the latest experiment; nothing on what libs sync wrote';
