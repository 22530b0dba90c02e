-- The items that failed.
SELECT media_id, pipeline, step, reason, uri
FROM media_status
WHERE status = 'failed'
ORDER BY pipeline, media_id, uri
