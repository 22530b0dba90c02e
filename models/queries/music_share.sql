-- How much of the episodes is music of the catalogue. A moment counts once, however many recordings are heard in it.
WITH marked AS (
    SELECT
        media_id, start_s, end_s, usage,
        max(end_s) OVER earlier AS reached_s,
        max(end_s) FILTER (usage = 'featured') OVER earlier AS featured_reached_s
    FROM music_matches
    WINDOW earlier AS (
        PARTITION BY media_id ORDER BY start_s, end_s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
), music AS (
    SELECT
        coalesce(sum(greatest(0, end_s - greatest(start_s, coalesce(reached_s, start_s)))), 0) AS music_s,
        coalesce(sum(greatest(0, end_s - greatest(start_s, coalesce(featured_reached_s, start_s))))
            FILTER (usage = 'featured'), 0) AS featured_s,
        count(*) AS plays
    FROM marked
), listened AS (
    SELECT count(*) AS episodes, coalesce(sum(duration_s), 0) AS duration_s
    FROM media_status
    WHERE pipeline = 'match_podcasts' AND status <> 'failed'
)
SELECT
    episodes, duration_s, plays, music_s, music_s / nullif(duration_s, 0) AS share,
    featured_s, music_s - featured_s AS background_s
FROM listened, music
