-- Authors whom the knowledge base lacks.
SELECT new_author_id, name, status, replaced_by, len(media_ids) AS audiobooks, media_ids
FROM new_authors
ORDER BY audiobooks DESC, new_author_id
