-- Which audiobooks were given to which author, and why.
WITH given AS (
    SELECT media_id, title, contributors, decision, unnest(links) AS link FROM author_links
)
SELECT
    link.author_id AS author_id, media_id, title, contributors, decision, link.mention AS mention,
    link.evidence AS evidence, link.score AS score, link.runner_up AS runner_up, link.runner_up_name AS runner_up_name,
    link.margin AS margin, link.reasons AS reasons
FROM given
UNION ALL
SELECT
    new_author_id, author_links.media_id, title, contributors, decision, NULL, NULL, best_score, NULL, NULL, NULL, []
FROM author_links
WHERE new_author_id IS NOT NULL
ORDER BY author_id, media_id
