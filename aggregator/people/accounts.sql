-- name: account
SELECT name, password, totp_at, disabled_at FROM accounts WHERE name = %(name)s;

-- name: account_stays
-- As it is, until the commit: who changes it waits.
SELECT password, totp_at FROM accounts WHERE name = %(name)s AND disabled_at IS NULL FOR SHARE;

-- name: accounts
SELECT a.name, a.title, a.made_at, a.made_by, a.password_at, a.disabled_at, a.disabled_by, a.password <> '' AS has_password,
       a.totp IS NOT NULL AS has_second_step, a.subject IS NOT NULL AS from_provider,
       (SELECT count(*) FROM sessions s WHERE s.account = a.name AND s.ended_at IS NULL AND s.until > now()
        AND s.seen_at > now() - s.idle) AS sessions
FROM accounts a ORDER BY a.name;

-- name: add_account
INSERT INTO accounts (name, title, password, made_by) VALUES (%(name)s, %(title)s, %(password)s, %(by)s)
ON CONFLICT (name) DO NOTHING;

-- name: set_password
UPDATE accounts SET password = %(password)s, password_at = now() WHERE name = %(name)s;

-- name: set_title
UPDATE accounts SET title = %(title)s WHERE name = %(name)s;

-- name: disable
UPDATE accounts SET disabled_at = now(), disabled_by = %(by)s WHERE name = %(name)s AND disabled_at IS NULL;

-- name: enable
UPDATE accounts SET disabled_at = NULL, disabled_by = NULL WHERE name = %(name)s;

-- name: account_of_subject
SELECT name, disabled_at FROM accounts WHERE subject = %(subject)s;

-- name: set_subject
UPDATE accounts SET subject = %(subject)s WHERE name = %(name)s;
