CREATE VIEW strategy_registry AS
SELECT
    strategy_id::VARCHAR AS strategy_id,
    step_name::VARCHAR AS step_name,
    action::VARCHAR AS action,
    template_files::VARCHAR[] AS template_files,
    data_config::VARCHAR AS data_config,
    dataset_config::VARCHAR AS dataset_config,
    portfolio_config::VARCHAR AS portfolio_config,
    backtest_config::VARCHAR AS backtest_config,
    model_config::VARCHAR AS model_config,
    model_class::VARCHAR AS model_type,
    TRY_CAST(nullif(split_part(segments['train'], '/', 1), '') AS DATE)::DATE AS train_start,
    TRY_CAST(nullif(split_part(segments['train'], '/', 2), '') AS DATE)::DATE AS train_end,
    TRY_CAST(nullif(split_part(segments['valid'], '/', 1), '') AS DATE)::DATE AS valid_start,
    TRY_CAST(nullif(split_part(segments['valid'], '/', 2), '') AS DATE)::DATE AS valid_end,
    TRY_CAST(nullif(split_part(segments['test'], '/', 1), '') AS DATE)::DATE AS test_start,
    TRY_CAST(nullif(split_part(segments['test'], '/', 2), '') AS DATE)::DATE AS test_end
FROM strategy_catalog;

COMMENT ON VIEW strategy_registry IS 'The table of this name in AIstock: one row per configuration that really ran.';
COMMENT ON COLUMN strategy_registry.strategy_id IS 'id of the configuration';
COMMENT ON COLUMN strategy_registry.step_name IS 'step, as the registry has it';
COMMENT ON COLUMN strategy_registry.action IS 'factor or model';
COMMENT ON COLUMN strategy_registry.template_files IS 'configuration files of the latest successful experiment, relative';
COMMENT ON COLUMN strategy_registry.data_config IS 'JSON: the data handler as it ran';
COMMENT ON COLUMN strategy_registry.dataset_config IS 'JSON: the data set as it ran';
COMMENT ON COLUMN strategy_registry.portfolio_config IS 'JSON: the portfolio strategy as it ran';
COMMENT ON COLUMN strategy_registry.backtest_config IS 'JSON: the back-test as it ran';
COMMENT ON COLUMN strategy_registry.model_config IS 'JSON: the model as it ran';
COMMENT ON COLUMN strategy_registry.model_type IS 'class of the model';
COMMENT ON COLUMN strategy_registry.train_start IS 'first day of the segment train, inclusive';
COMMENT ON COLUMN strategy_registry.train_end IS 'last day of the segment train, inclusive';
COMMENT ON COLUMN strategy_registry.valid_start IS 'first day of the segment valid, inclusive';
COMMENT ON COLUMN strategy_registry.valid_end IS 'last day of the segment valid, inclusive';
COMMENT ON COLUMN strategy_registry.test_start IS 'first day of the segment test, inclusive';
COMMENT ON COLUMN strategy_registry.test_end IS 'last day of the segment test, inclusive';
