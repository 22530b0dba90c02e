-- The shots of the videos, with what each shows.
WITH tagged AS (
    SELECT media_id, shot, list({tag: tag, score: score, source: source} ORDER BY score DESC, tag) AS tags
    FROM shot_tags
    GROUP BY media_id, shot
)
SELECT
    media_id, shot, start_s, end_s, end_s - start_s AS seconds, frames, transition, transition_s, keyframes,
    coalesce(tags, []) AS tags
FROM shots LEFT JOIN tagged USING (media_id, shot)
ORDER BY media_id, shot
