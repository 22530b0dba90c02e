-- How much of the tracks is of each class, and how many tracks are of it most of all.
WITH heard AS (
    SELECT media_id, label, unnest(shares) AS part FROM track_labels
)
SELECT
    part.label AS label,
    count(*) FILTER (part.label = heard.label) AS tracks,
    sum(part.seconds) AS seconds,
    sum(part.seconds) / nullif(sum(sum(part.seconds)) OVER (), 0) AS share
FROM heard
GROUP BY part.label
ORDER BY seconds DESC, label
