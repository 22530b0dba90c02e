-- Whether it is known who wrote the audiobooks.
SELECT decision, count(*) AS audiobooks
FROM author_links
GROUP BY decision
ORDER BY audiobooks DESC, decision
