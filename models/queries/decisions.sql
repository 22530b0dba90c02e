-- What the royalty policy makes of the tracks.
SELECT decision, rate, count(*) AS tracks, sum(duration_s) / 3600 AS hours
FROM track_labels
GROUP BY decision, rate
ORDER BY tracks DESC, decision, rate
