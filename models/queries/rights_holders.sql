-- The rights holders whose recordings are heard, those that are heard longest first.
SELECT
    rights_holder,
    count(DISTINCT media_id) AS items,
    count(DISTINCT track_id) AS tracks,
    sum(plays) AS plays,
    sum(seconds) AS seconds
FROM music_usage
WHERE rights_holder IS NOT NULL
GROUP BY rights_holder
ORDER BY seconds DESC, rights_holder
