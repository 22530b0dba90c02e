-- What a reviewer may decide about: first what the run itself sends to review, then of each table the least sure.
SELECT
    'music_matches' AS "table", run_id, media_id, track_id, start_s, end_s,
    row_number() OVER (PARTITION BY media_id ORDER BY start_s, end_s, track_id) AS number,
    coalesce(title, track_id) AS what, usage AS found, score, false AS is_sent
FROM music_matches
UNION ALL
SELECT
    'track_labels', run_id, media_id, NULL, NULL, NULL, NULL,
    coalesce(title, media_id), label || ', ' || decision, abs(music_score - 0.5), decision = 'review'
FROM track_labels
UNION ALL
SELECT
    'moderation', run_id, media_id, NULL, NULL, NULL, NULL,
    media_id, verdict || coalesce(' by rule ' || rule, ''), NULL, verdict <> 'allow'
FROM moderation
UNION ALL
SELECT
    'author_links', run_id, media_id, NULL, NULL, NULL, NULL,
    title, decision || coalesce(': ' || nullif(array_to_string([link.name FOR link IN links], ', '), ''), ''),
    list_min([link.margin FOR link IN links]), decision = 'review'
FROM author_links
ORDER BY
    is_sent DESC,
    list_position(['music_matches', 'track_labels', 'moderation', 'author_links'], "table"),
    score, media_id, start_s, track_id
