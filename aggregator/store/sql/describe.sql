-- name: describe
-- What our schema holds, a line a thing, without what extensions own and without partitions.
WITH ours AS (
    SELECT c.oid, c.relname, c.relkind FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition AND c.relkind IN ('r', 'p', 'v', 'S')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT format('%s %s', CASE relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END, relname) AS line
FROM ours
UNION ALL
SELECT format('column %s.%s %s%s%s', o.relname, a.attname, format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
              CASE WHEN a.attidentity <> '' THEN ' identity'
                   WHEN d.adbin IS NOT NULL THEN ' default ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END)
FROM ours o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
WHERE o.relkind <> 'S'
UNION ALL
SELECT format('constraint on %s: %s', o.relname, pg_get_constraintdef(n.oid))
FROM ours o JOIN pg_constraint n ON n.conrelid = o.oid AND n.contype <> 'n'
UNION ALL
SELECT regexp_replace(replace(pg_get_indexdef(i.indexrelid), 'ON ONLY', 'ON'), format(' %s\.', quote_ident(current_schema())), ' ')
FROM ours o JOIN pg_index i ON i.indrelid = o.oid
UNION ALL
SELECT format('function %s(%s) returns %s', p.proname, pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid))
FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e');
