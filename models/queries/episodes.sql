-- The episodes, and how much of each is music of the catalogue, each moment counted once.
WITH marked AS (
    SELECT
        *,
        max(end_s) OVER (
            PARTITION BY media_id ORDER BY start_s, end_s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_s
    FROM music_matches
), music AS (
    SELECT
        media_id,
        count(*) AS plays,
        count(DISTINCT track_id) AS tracks,
        sum(greatest(0, end_s - greatest(start_s, coalesce(reached_s, start_s)))) AS music_s,
        min(score) AS lowest_score
    FROM marked
    GROUP BY media_id
), listed AS (
    SELECT
        media_id, min(status) AS status, min(step) AS step, min(reason) AS reason, min(uri) AS uri,
        max(duration_s) AS duration_s
    FROM media_status
    WHERE pipeline = 'match_podcasts'
    GROUP BY media_id
)
SELECT
    media_id, status, step, reason, uri, duration_s,
    coalesce(plays, 0) AS plays,
    coalesce(tracks, 0) AS tracks,
    coalesce(music_s, 0) AS music_s,
    coalesce(music_s, 0) / nullif(duration_s, 0) AS share,
    lowest_score
FROM listed FULL JOIN music USING (media_id)
ORDER BY media_id
