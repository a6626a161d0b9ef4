-- name: set_up
UPDATE accounts SET totp = %(totp)s, totp_at = clock_timestamp(), totp_step = %(step)s WHERE name = %(name)s;

-- name: remove
UPDATE accounts SET totp = NULL, totp_at = NULL, totp_step = NULL WHERE name = %(name)s AND totp IS NOT NULL;

-- name: hold
-- Until the commit nobody else takes a code of it.
SELECT totp FROM accounts WHERE name = %(name)s AND disabled_at IS NULL FOR UPDATE;

-- name: take_step
UPDATE accounts SET totp_step = %(step)s WHERE name = %(name)s AND (totp_step IS NULL OR totp_step < %(step)s);

-- name: add_code
INSERT INTO recovery_codes (account, hash) VALUES (%(name)s, %(hash)s);

-- name: take_code
DELETE FROM recovery_codes WHERE account = %(name)s AND hash = %(hash)s;

-- name: forget_codes
DELETE FROM recovery_codes WHERE account = %(name)s;

-- name: codes_left
SELECT count(*) AS left FROM recovery_codes WHERE account = %(name)s;

-- name: phones
SELECT name, totp FROM accounts WHERE totp IS NOT NULL ORDER BY name;
