-- Outlines of divisions, to hold other geometry against.

-- name: outlines
SELECT st_asbinary(d.geom) AS geom
FROM division AS d
LEFT JOIN division AS p ON d.parent_id = p.id
WHERE
    d.geom IS NOT NULL AND NOT d.external AND p.geom IS NULL
ORDER BY d.id;

-- name: outline
SELECT st_asbinary(d.geom) AS geom
FROM division AS d
WHERE d.geom IS NOT NULL AND d.id = division_coded(:code);
