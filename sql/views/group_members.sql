CREATE VIEW group_members AS
SELECT
    group_id::VARCHAR AS group_id,
    name::VARCHAR AS name,
    kind::VARCHAR AS kind,
    workspace_id::VARCHAR AS workspace_id,
    task_run_id::VARCHAR AS task_run_id,
    loop_id::BIGINT AS loop_id,
    experiment_id::VARCHAR AS experiment_id,
    role::VARCHAR AS role,
    control_workspace_id::VARCHAR AS control_workspace_id,
    origin::VARCHAR AS origin,
    note::VARCHAR AS note
FROM group_comparison;

COMMENT ON VIEW group_members IS 'One row per experiment of a group to compare: groups that follow from runs, lineage and configurations, and those that a person made or changed.';
COMMENT ON COLUMN group_members.group_id IS 'run/<task_run_id>, factors/<strategy_id>, variants/<digest>, lineage/<workspace_id>, own/<id>; stays when the group is renamed';
COMMENT ON COLUMN group_members.name IS 'name of the group; a person may change it';
COMMENT ON COLUMN group_members.kind IS 'run; factor sets: different factors on one configuration; variants: configurations of one model and strategy class with the same factors; lineage: what was built on one experiment; own: made by a person';
COMMENT ON COLUMN group_members.workspace_id IS 'name of the workspace folder of the experiment';
COMMENT ON COLUMN group_members.task_run_id IS 'RD-Agent run';
COMMENT ON COLUMN group_members.loop_id IS 'number of the loop within its run';
COMMENT ON COLUMN group_members.experiment_id IS 'task_run_id/loop_id; ends in /baseline for a baseline';
COMMENT ON COLUMN group_members.role IS 'control: what the others are compared with; treatment; baseline: of a run, where something else is the control';
COMMENT ON COLUMN group_members.control_workspace_id IS 'the control of the group; null where nothing is known to be one: a run without a baseline, no experiment without factors';
COMMENT ON COLUMN group_members.origin IS 'derived, or the person who said that it belongs here or what its role is';
COMMENT ON COLUMN group_members.note IS 'why, in the words of the person';
