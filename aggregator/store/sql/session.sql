-- name: set_up
-- What a session works with, set one after the other, and what is so afterwards.
SELECT name, set_config(name, value, false) AS now
FROM unnest(%(names)s::text[], %(values)s::text[]) AS wanted (name, value);

-- name: found
-- What cannot be set, and which server process answers.
SELECT pg_backend_pid() AS backend, pg_is_in_recovery() AS replica, current_schema() AS schema,
       current_setting('server_encoding') AS encoding,
       current_setting('default_transaction_read_only') AS read_only;

-- name: backend
SELECT pg_backend_pid() AS backend, current_setting('DateStyle') AS datestyle;
