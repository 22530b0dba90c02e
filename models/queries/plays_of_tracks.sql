-- Where the recordings are heard. number: of the play in its episode, from 1, in order of time.
WITH numbered AS (
    SELECT *, row_number() OVER (PARTITION BY media_id ORDER BY start_s, end_s, track_id) AS number
    FROM music_matches
)
SELECT track_id, media_id, number, start_s, end_s, end_s - start_s AS seconds, track_start_s, score, usage
FROM numbered
ORDER BY track_id, media_id, number
