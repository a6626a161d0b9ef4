-- What was issued to services of the centre, here and on other machines: without it nobody knows what to take back.
CREATE TABLE service_certificates (
    issuer     bytea NOT NULL,
    number     numeric NOT NULL,
    service    text NOT NULL,
    hosts      text[] NOT NULL,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    revoked_why text,
    PRIMARY KEY (issuer, number)
);

-- What a list of after the backup takes back and a restored database knows nothing of, such as a certificate that a box
-- was given in between: it stays on the lists for as long as it can hold.
CREATE TABLE kept_revocations (
    issuer     bytea NOT NULL,
    number     numeric NOT NULL,
    revoked_at timestamptz NOT NULL,
    of_service boolean NOT NULL,
    PRIMARY KEY (issuer, number)
);
