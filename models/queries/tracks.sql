-- Every recording that was listened to, indexed or heard: what it is, and how much it is heard.
WITH listed AS (
    SELECT
        media_id AS track_id,
        CASE WHEN bool_or(status = 'failed') THEN 'failed' ELSE min(status) END AS status,
        min(step) AS step, min(reason) AS reason, min(uri) AS uri, max(duration_s) AS duration_s
    FROM media_status
    WHERE pipeline IN ('index_tracks', 'classify_tracks')
    GROUP BY media_id
), heard AS (
    SELECT
        track_id, any_value(title) AS title, any_value(artist) AS artist, any_value(isrc) AS isrc,
        any_value(rights_holder) AS rights_holder,
        count(DISTINCT media_id) AS episodes, sum(plays) AS plays, sum(seconds) AS seconds
    FROM music_usage
    GROUP BY track_id
), labelled AS (
    SELECT * EXCLUDE (media_id), media_id AS track_id FROM track_labels
)
SELECT
    track_id, track_id AS media_id,
    coalesce(labelled.title, heard.title) AS title,
    coalesce(labelled.artist, heard.artist) AS artist,
    album,
    coalesce(labelled.isrc, heard.isrc) AS isrc,
    coalesce(labelled.rights_holder, heard.rights_holder) AS rights_holder,
    status, step, reason, uri,
    coalesce(labelled.duration_s, listed.duration_s) AS duration_s,
    label, decision, rate, rule, music_score, shares, silent_s, album_functional_share,
    coalesce(episodes, 0) AS episodes,
    coalesce(plays, 0) AS plays,
    coalesce(seconds, 0) AS seconds,
    labelled.run_id AS run_id
FROM listed FULL JOIN heard USING (track_id) FULL JOIN labelled USING (track_id)
ORDER BY track_id
