-- The recordings that are heard, those that are heard longest first.
SELECT
    track_id,
    any_value(title) AS title,
    any_value(artist) AS artist,
    any_value(rights_holder) AS rights_holder,
    count(DISTINCT media_id) AS items,
    sum(plays) AS plays,
    sum(seconds) AS seconds
FROM music_usage
GROUP BY track_id
ORDER BY seconds DESC, track_id
