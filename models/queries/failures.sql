-- Why items failed, by step and reason.
SELECT pipeline, step, reason, count(*) AS items
FROM media_status
WHERE status = 'failed'
GROUP BY pipeline, step, reason
ORDER BY items DESC, pipeline, step, reason
