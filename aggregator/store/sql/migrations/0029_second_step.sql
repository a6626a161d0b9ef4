-- The second step of a sign-in: a code of the person's phone.
ALTER TABLE accounts
    -- What the phone has, too, sealed with a key that lies in no database.
    ADD COLUMN totp bytea,
    ADD COLUMN totp_at timestamptz,
    -- Of the latest code that was taken: no code is taken twice.
    ADD COLUMN totp_step bigint,
    -- Of an account that a provider of identities vouches for: its issuer and its name for the person.
    ADD COLUMN subject text UNIQUE;
-- `hash`: SHA-256 of a code that counts once.
CREATE TABLE recovery_codes (
    account text  NOT NULL REFERENCES accounts ON DELETE CASCADE,
    hash    bytea NOT NULL,
    PRIMARY KEY (account, hash)
);
-- Roles whose holders come in with a second step only.
CREATE TABLE two_step_roles (role text PRIMARY KEY);
