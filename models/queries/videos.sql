-- The videos and images: what became of each, and what the policy makes of it.
WITH listed AS (
    SELECT
        media_id, min(status) AS status, min(step) AS step, min(reason) AS reason, min(uri) AS uri,
        max(duration_s) AS duration_s
    FROM media_status
    WHERE pipeline = 'tag_videos'
    GROUP BY media_id
), watched AS (
    SELECT media_id, count(*) AS shots FROM shots GROUP BY media_id
), tagged AS (
    SELECT media_id, list(tag ORDER BY score DESC, tag) AS tags FROM media_tags WHERE score >= 0.5 GROUP BY media_id
)
SELECT
    media_id, status, step, reason, uri, duration_s, coalesce(shots, 0) AS shots,
    coalesce(tags, []) AS tags, verdict, rule, coalesce(evidence, []) AS evidence, moderation.run_id AS run_id
FROM listed
    FULL JOIN watched USING (media_id)
    FULL JOIN tagged USING (media_id)
    FULL JOIN moderation USING (media_id)
ORDER BY media_id
