-- What the moderation policy makes of videos and images, and by which rule.
SELECT verdict, rule, count(*) AS items
FROM moderation
GROUP BY verdict, rule
ORDER BY items DESC, verdict, rule
