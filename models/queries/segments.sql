-- What the tracks are, stretch by stretch.
SELECT media_id AS track_id, start_s, end_s, end_s - start_s AS seconds, label, score
FROM track_segments
ORDER BY track_id, start_s
