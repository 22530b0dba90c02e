-- What became of the items of each pipeline.
SELECT
    pipeline,
    count(*) AS items,
    count(*) FILTER (status = 'done') AS done,
    count(*) FILTER (status = 'failed') AS failed,
    count(*) FILTER (status = 'skipped') AS skipped,
    coalesce(sum(duration_s), 0) / 3600 AS hours
FROM media_status
GROUP BY pipeline
ORDER BY pipeline
