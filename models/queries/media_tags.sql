-- What the videos and images show, and when.
SELECT media_id, tag, score, seconds, source, ranges
FROM media_tags
ORDER BY media_id, score DESC, tag
