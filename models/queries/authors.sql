-- The authors who were given to audiobooks, known and new.
WITH given AS (
    SELECT media_id, title, unnest(links) AS link FROM author_links
), known AS (
    SELECT
        link.author_id AS author_id, any_value(link.name) AS name, 'known' AS status, NULL AS replaced_by,
        count(*) AS audiobooks, min(link.score) AS lowest_score
    FROM given
    GROUP BY link.author_id
)
SELECT * FROM known
UNION ALL
SELECT new_author_id, name, status, replaced_by, len(media_ids), NULL FROM new_authors
ORDER BY audiobooks DESC, author_id
