CREATE VIEW model_catalog AS
SELECT
    models.model_id::VARCHAR AS model_id,
    loops.task_run_id::VARCHAR AS task_run_id,
    loops.loop_id::BIGINT AS loop_id,
    loops.workspace_id::VARCHAR AS workspace_id,
    models.model_type::VARCHAR AS model_type,
    models.model_config::VARCHAR AS model_config,
    models.dataset_config::VARCHAR AS dataset_config,
    {'base_features': loops.base_features, 'factors': loops.factor_names}::STRUCT(base_features VARCHAR[], factors VARCHAR[]) AS feature_schema,
    models.feature_list::VARCHAR[] AS feature_list,
    {
        'mlruns': nullif(regexp_extract(models.model_files[1], '^mlruns/[^/]+/[^/]+'), ''),
        'model_files': models.model_files
    }::STRUCT(mlruns VARCHAR, model_files VARCHAR[]) AS model_artifacts,
    coalesce(models.log_dir, task_runs.log_path)::VARCHAR AS log_dir,
    models.weights_sha256::VARCHAR AS weights_sha256,
    models.code_sha256::VARCHAR AS code_sha256,
    models.proposal::VARCHAR AS proposal,
    loops.experiment_id::VARCHAR AS experiment_id,
    loops.role::VARCHAR AS role,
    loops.has_result::BOOLEAN AS has_result,
    loops.decision::BOOLEAN AS decision,
    loops.created_at::TIMESTAMP AS created_at,
    models.provenance::MAP(VARCHAR, VARCHAR) AS provenance
FROM rdlake_tables.models AS models
JOIN rdlake_tables.loops AS loops ON loops.workspace_id = models.workspace_id
LEFT JOIN rdlake_tables.task_runs AS task_runs ON task_runs.task_run_id = loops.task_run_id;

COMMENT ON VIEW model_catalog IS 'One row per trained model, and per proposed one while no folder tells of its training.';
COMMENT ON COLUMN model_catalog.model_id IS 'made of workspace, configuration, features and weights; else of what was proposed';
COMMENT ON COLUMN model_catalog.task_run_id IS 'RD-Agent run';
COMMENT ON COLUMN model_catalog.loop_id IS 'number of the loop within its run';
COMMENT ON COLUMN model_catalog.workspace_id IS 'name of the workspace folder';
COMMENT ON COLUMN model_catalog.model_type IS 'class of the model, or the type RD-Agent proposed';
COMMENT ON COLUMN model_catalog.model_config IS 'JSON: the model as it ran';
COMMENT ON COLUMN model_catalog.dataset_config IS 'JSON: the data set as it ran';
COMMENT ON COLUMN model_catalog.feature_schema IS 'which of the inputs are base features and which are factors of the loop; null while not known';
COMMENT ON COLUMN model_catalog.feature_list IS 'features in the order of the input of the model; null while not known';
COMMENT ON COLUMN model_catalog.model_artifacts IS 'folder of the recording and files of weights and code, relative to the workspace';
COMMENT ON COLUMN model_catalog.log_dir IS 'log folder of the run, relative to the folder of logs; null without logs';
COMMENT ON COLUMN model_catalog.weights_sha256 IS 'digest of the weights';
COMMENT ON COLUMN model_catalog.code_sha256 IS 'digest of model.py';
COMMENT ON COLUMN model_catalog.proposal IS 'JSON: the model in the words of RD-Agent, with parameters it proposed';
COMMENT ON COLUMN model_catalog.experiment_id IS 'task_run_id/loop_id; ends in /baseline for a baseline';
COMMENT ON COLUMN model_catalog.role IS 'experiment or baseline';
COMMENT ON COLUMN model_catalog.has_result IS 'the experiment has at least one finite metric';
COMMENT ON COLUMN model_catalog.decision IS 'experiment accepted by RD-Agent; null while not known';
COMMENT ON COLUMN model_catalog.created_at IS 'UTC; time of the experiment; null while not known';
COMMENT ON COLUMN model_catalog.provenance IS 'field -> where its value was found';
