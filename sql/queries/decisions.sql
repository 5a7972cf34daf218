-- What was each decision based on?
SELECT
    loops.experiment_id, loops.decision, round(loops.annual_return, 4) AS annual_return,
    left(feedback.tested_hypothesis, 60) AS hypothesis, left(feedback.summary_shape_feedback, 60) AS reason
FROM loop_catalog AS loops
JOIN rdlake_tables.feedback AS feedback ON feedback.workspace_id = loops.workspace_id
WHERE loops.decision IS NOT NULL
ORDER BY loops.experiment_id
LIMIT 10;
