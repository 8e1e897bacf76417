"""Captchas, signers of companies, logins for companies and by single sign-on, sessions that rotate their tokens."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """New columns have defaults, for the previous version of the code goes on writing rows for a while."""
    for statement in _STATEMENTS.split(";"):
        if statement.strip():
            op.execute(statement)


_STATEMENTS = """
CREATE TABLE signer (
    signer_id varchar NOT NULL CONSTRAINT pk_signer PRIMARY KEY,
    organisation_id varchar NOT NULL CONSTRAINT fk_signer_organisation_id REFERENCES organisation,
    person_id varchar NOT NULL CONSTRAINT fk_signer_person_id REFERENCES person,
    system varchar NOT NULL,
    since timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE UNIQUE INDEX uq_signer_present ON signer (organisation_id, person_id, system) WHERE ended_at IS NULL;
CREATE INDEX ix_signer_person ON signer (person_id) WHERE ended_at IS NULL;

CREATE TABLE captcha (
    captcha_id varchar NOT NULL CONSTRAINT pk_captcha PRIMARY KEY,
    address_index bytea NOT NULL,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX ix_captcha_address ON captcha (address_index, created_at);
CREATE INDEX ix_captcha_created_at ON captcha (created_at);

CREATE TABLE login_ticket (
    ticket_digest bytea NOT NULL CONSTRAINT pk_login_ticket PRIMARY KEY,
    person_id varchar NOT NULL CONSTRAINT fk_login_ticket_person_id REFERENCES person,
    attempts smallint NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE INDEX ix_login_ticket_person ON login_ticket (person_id);
CREATE INDEX ix_login_ticket_expires_at ON login_ticket (expires_at);

CREATE TABLE sign_on (
    token_digest bytea NOT NULL CONSTRAINT pk_sign_on PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_sign_on_expires_at ON sign_on (expires_at);

CREATE INDEX ix_login_failure_failed_at ON login_failure (failed_at);

ALTER TABLE session
    ADD COLUMN organisation_id varchar CONSTRAINT fk_session_organisation_id REFERENCES organisation,
    ADD COLUMN address_sealed bytea,
    ADD COLUMN token_since timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN token_used boolean NOT NULL DEFAULT true,
    ADD COLUMN cause varchar NOT NULL DEFAULT '';
CREATE INDEX ix_session_organisation ON session (organisation_id) WHERE ended_at IS NULL;

CREATE TABLE former_token (
    token_digest bytea NOT NULL CONSTRAINT pk_former_token PRIMARY KEY,
    session_id varchar NOT NULL CONSTRAINT fk_former_token_session_id REFERENCES session ON DELETE CASCADE,
    nonce bytea NOT NULL,
    replaced_at timestamptz NOT NULL
);
CREATE INDEX ix_former_token_session ON former_token (session_id);

ALTER TABLE verification ADD COLUMN organisation_id varchar NOT NULL DEFAULT '';
"""
