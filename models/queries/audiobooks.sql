-- The audiobooks: who wrote each, and how sure that is.
WITH listed AS (
    SELECT media_id, min(status) AS status, min(step) AS step, min(reason) AS reason, min(uri) AS uri
    FROM media_status
    WHERE pipeline = 'attribute_audiobooks'
    GROUP BY media_id
)
SELECT
    media_id, status, step, reason, uri, title, contributors, decision,
    coalesce([link.name FOR link IN links], []) AS authors,
    coalesce(links, []) AS links,
    new_author_id, best_score,
    len(neighbours) AS nodes,
    list_min([link.margin FOR link IN links]) AS margin,
    author_links.run_id AS run_id
FROM listed FULL JOIN author_links USING (media_id)
ORDER BY media_id
