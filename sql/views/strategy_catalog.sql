CREATE VIEW strategy_catalog AS
WITH loops AS (
    SELECT * FROM rdlake_tables.loops WHERE strategy_id IS NOT NULL
),
ran AS (
    SELECT
        strategy_id,
        count(*) AS experiments,
        count(*) FILTER (WHERE has_result) AS successful_experiments,
        list(experiment_id ORDER BY created_at NULLS FIRST, workspace_id) AS experiment_ids,
        list(workspace_id ORDER BY created_at NULLS FIRST, workspace_id) AS workspace_ids,
        min(created_at) AS first_run_at,
        max(created_at) AS latest_run_at
    FROM loops
    GROUP BY strategy_id
),
example AS (
    SELECT loops.*, workspaces.root_name || '/' || loops.workspace_id AS workspace_path
    FROM loops
    LEFT JOIN rdlake_tables.workspaces AS workspaces ON workspaces.workspace_id = loops.workspace_id
    WHERE loops.has_result AND loops.status = 'success'
    QUALIFY row_number() OVER (
        PARTITION BY loops.strategy_id ORDER BY loops.created_at DESC NULLS LAST, loops.workspace_id DESC
    ) = 1
),
templates AS (
    SELECT artifacts.workspace_id, list(artifacts.path ORDER BY artifacts.path) AS files
    FROM rdlake_tables.artifacts AS artifacts
    SEMI JOIN example ON example.workspace_id = artifacts.workspace_id
    WHERE regexp_matches(artifacts.path, '^[^/]+[.]ya?ml$')
    GROUP BY artifacts.workspace_id
)
SELECT
    ran.strategy_id::VARCHAR AS strategy_id,
    coalesce(strategies.scenario, example.scenario)::VARCHAR AS scenario,
    coalesce(strategies.step_name, example.step_name)::VARCHAR AS step_name,
    coalesce(strategies.action, example.action)::VARCHAR AS action,
    (CASE
        WHEN example.workspace_id IS NOT NULL THEN {
            'task_run_id': example.task_run_id, 'loop_id': example.loop_id, 'workspace_id': example.workspace_id,
            'workspace_path': example.workspace_path
        }
    END)::STRUCT(task_run_id VARCHAR, loop_id BIGINT, workspace_id VARCHAR, workspace_path VARCHAR) AS workspace_example,
    coalesce(strategies.template_files, templates.files)::VARCHAR[] AS template_files,
    strategies.data_config::VARCHAR AS data_config,
    strategies.dataset_config::VARCHAR AS dataset_config,
    strategies.portfolio_config::VARCHAR AS portfolio_config,
    strategies.backtest_config::VARCHAR AS backtest_config,
    strategies.model_config::VARCHAR AS model_config,
    (CASE
        WHEN json_valid(strategies.portfolio_config) THEN {
            'module': json_extract_string(strategies.portfolio_config, '$.module_path'),
            'func': json_extract_string(strategies.portfolio_config, '$.class')
        }
    END)::STRUCT("module" VARCHAR, func VARCHAR) AS python_implementation,
    strategies.base_features::VARCHAR[] AS feature_list,
    strategies.market::VARCHAR AS market,
    strategies.instruments::VARCHAR AS instruments,
    strategies.freq::VARCHAR AS freq,
    strategies.benchmark::VARCHAR AS benchmark,
    strategies.segments::MAP(VARCHAR, VARCHAR) AS segments,
    strategies.topk::BIGINT AS topk,
    strategies.n_drop::BIGINT AS n_drop,
    strategies.open_cost::DOUBLE AS open_cost,
    strategies.close_cost::DOUBLE AS close_cost,
    strategies.model_class::VARCHAR AS model_class,
    strategies.strategy_class::VARCHAR AS strategy_class,
    ran.experiments::BIGINT AS experiments,
    ran.successful_experiments::BIGINT AS successful_experiments,
    ran.experiment_ids::VARCHAR[] AS experiment_ids,
    ran.workspace_ids::VARCHAR[] AS workspace_ids,
    ran.first_run_at::TIMESTAMP AS first_run_at,
    ran.latest_run_at::TIMESTAMP AS latest_run_at,
    strategies.provenance::MAP(VARCHAR, VARCHAR) AS provenance
FROM ran
LEFT JOIN rdlake_tables.strategies AS strategies ON strategies.belongs_to = ran.strategy_id
LEFT JOIN example ON example.strategy_id = ran.strategy_id
LEFT JOIN templates ON templates.workspace_id = example.workspace_id;

COMMENT ON VIEW strategy_catalog IS 'One row per configuration that some experiment really ran; equal configurations are one, a changed topk is another.';
COMMENT ON COLUMN strategy_catalog.strategy_id IS 'made of the configuration: UUIDv5 of its canonical JSON, without threads, paths, the factor set';
COMMENT ON COLUMN strategy_catalog.scenario IS 'fin_factor, fin_model, fin_quant, fin_factor_report; of the example, null while not known';
COMMENT ON COLUMN strategy_catalog.step_name IS 'step, as the registry has it; of the example';
COMMENT ON COLUMN strategy_catalog.action IS 'factor or model; of the example';
COMMENT ON COLUMN strategy_catalog.workspace_example IS 'latest successful experiment that ran it; workspace_path is relative: the folder of workspaces, then the workspace';
COMMENT ON COLUMN strategy_catalog.template_files IS 'configuration files in the folder of the example, relative; which of them ran: config_name in rdlake_tables.loops';
COMMENT ON COLUMN strategy_catalog.data_config IS 'JSON: the data handler as it ran';
COMMENT ON COLUMN strategy_catalog.dataset_config IS 'JSON: the data set as it ran';
COMMENT ON COLUMN strategy_catalog.portfolio_config IS 'JSON: the portfolio strategy as it ran';
COMMENT ON COLUMN strategy_catalog.backtest_config IS 'JSON: the back-test as it ran';
COMMENT ON COLUMN strategy_catalog.model_config IS 'JSON: the model as it ran';
COMMENT ON COLUMN strategy_catalog.python_implementation IS 'module and class of the portfolio strategy, as the configuration names them';
COMMENT ON COLUMN strategy_catalog.feature_list IS 'base features, in order; factors of a loop are beside them in loop_catalog';
COMMENT ON COLUMN strategy_catalog.market IS 'universe of instruments';
COMMENT ON COLUMN strategy_catalog.instruments IS 'instruments of the data handler';
COMMENT ON COLUMN strategy_catalog.freq IS 'bar length';
COMMENT ON COLUMN strategy_catalog.benchmark IS 'instrument the excess is measured against';
COMMENT ON COLUMN strategy_catalog.segments IS 'train, valid, test -> first and last day, ISO, joined by /';
COMMENT ON COLUMN strategy_catalog.topk IS 'positions held; null for a strategy of another kind';
COMMENT ON COLUMN strategy_catalog.n_drop IS 'positions changed a day; null for a strategy of another kind';
COMMENT ON COLUMN strategy_catalog.open_cost IS 'cost of buying, share of the amount';
COMMENT ON COLUMN strategy_catalog.close_cost IS 'cost of selling, share of the amount';
COMMENT ON COLUMN strategy_catalog.model_class IS 'class of the model';
COMMENT ON COLUMN strategy_catalog.strategy_class IS 'class of the portfolio strategy';
COMMENT ON COLUMN strategy_catalog.experiments IS 'number of experiments that ran it, baselines too';
COMMENT ON COLUMN strategy_catalog.successful_experiments IS 'those of them with a result';
COMMENT ON COLUMN strategy_catalog.experiment_ids IS 'experiments that ran it, the earliest first; those without a time come first';
COMMENT ON COLUMN strategy_catalog.workspace_ids IS 'their workspaces, in the same order';
COMMENT ON COLUMN strategy_catalog.first_run_at IS 'UTC; time of the earliest; null while not known';
COMMENT ON COLUMN strategy_catalog.latest_run_at IS 'UTC; time of the latest; null while not known';
COMMENT ON COLUMN strategy_catalog.provenance IS 'field -> where its value was found';
