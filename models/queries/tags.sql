-- What videos and images show.
SELECT tag, source, count(*) AS items, sum(seconds) AS seconds
FROM media_tags
GROUP BY tag, source
ORDER BY items DESC, tag, source
