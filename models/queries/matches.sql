-- What is heard in the episodes, and when. number: from 1, in order of time.
SELECT
    media_id,
    row_number() OVER (PARTITION BY media_id ORDER BY start_s, end_s, track_id) AS number,
    track_id, start_s, end_s, end_s - start_s AS seconds, track_start_s,
    track_start_s + speed * (end_s - start_s) AS track_end_s,
    speed, pitch, score, level_db, usage, alternatives, title, artist, isrc, rights_holder, run_id
FROM music_matches
ORDER BY media_id, number
