-- What other audiobooks at the same nodes said of linked authors and runners-up, and up to five that were given to them.
WITH nodes AS (
    SELECT media_id, title, links, unnest(neighbours) AS node FROM author_links
), linked AS (
    SELECT media_id, title, node, unnest(links) AS link FROM nodes
), given AS (
    SELECT
        node.kind AS kind, node.text AS text, link.author_id AS author_id, count(*) AS given_audiobooks,
        list({media_id: media_id, title: title} ORDER BY link.score DESC, media_id)[:6] AS examples
    FROM linked
    GROUP BY ALL
), heard AS (
    SELECT media_id, [link.author_id FOR link IN links] AS author_ids, node, unnest(node.opinions) AS opinion FROM nodes
)
SELECT
    media_id, opinion.author_id AS author_id, node.kind AS kind, node.text AS text, node.audiobooks AS audiobooks,
    opinion.score_sum AS score_sum, opinion.best_score AS best_score,
    coalesce(given_audiobooks, 0) - list_contains(author_ids, opinion.author_id)::INTEGER AS given_audiobooks,
    coalesce([each FOR each IN examples IF each.media_id <> media_id][:5], []) AS examples
FROM heard LEFT JOIN given
    ON (node.kind, node.text, opinion.author_id) = (given.kind, given.text, given.author_id)
ORDER BY media_id, author_id, list_position(['name', 'title', 'narrator', 'genre'], node.kind)
