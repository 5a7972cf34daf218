-- An experiment is once in a group.
-- by group_id
SELECT 'group_members' AS view, concat_ws(' ', group_id, workspace_id) AS key, count(*) AS rows
FROM group_members GROUP BY group_id, workspace_id HAVING count(*) > 1
UNION ALL
SELECT 'group_words', concat_ws(' ', group_id, workspace_id), count(*)
FROM group_words GROUP BY group_id, workspace_id HAVING count(*) > 1;
