"""Face checks by relay to a phone, further channels, our own channel, portraits, consents, the pause after failures."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """New columns have defaults, for the previous version of the code goes on writing rows for a while."""
    for statement in _STATEMENTS.split(";"):
        if statement.strip():
            op.execute(statement)


_STATEMENTS = """
ALTER TABLE verification ADD COLUMN face_failed_at timestamptz;

ALTER TABLE face_check
    ADD COLUMN relay_digest bytea CONSTRAINT uq_face_check_relay_digest UNIQUE,
    ADD COLUMN relay_sealed bytea,
    ADD COLUMN claim_digest bytea,
    ADD COLUMN phone_sealed bytea,
    ADD COLUMN embedding_sealed bytea,
    ADD COLUMN looked_after_at timestamptz,
    DROP CONSTRAINT ck_face_check_channel,
    DROP CONSTRAINT ck_face_check_state,
    ADD CONSTRAINT ck_face_check_channel CHECK (channel IN ('BJCA', 'TENCENT', 'OWN')),
    ADD CONSTRAINT ck_face_check_state CHECK (state IN ('OPEN', 'SCANNED', 'PASSED', 'FAILED', 'EXPIRED'));
DROP INDEX uq_face_check_open;
CREATE UNIQUE INDEX uq_face_check_undecided ON face_check (verification_id) WHERE state IN ('OPEN', 'SCANNED');
CREATE INDEX ix_face_check_verification ON face_check (verification_id, opened_at);

CREATE TABLE face_challenge (
    face_check_id varchar NOT NULL CONSTRAINT fk_face_challenge_face_check_id REFERENCES face_check,
    step smallint NOT NULL,
    action varchar NOT NULL CONSTRAINT ck_face_challenge_action
        CHECK (action IN ('LOOK', 'BLINK', 'TURN_LEFT', 'TURN_RIGHT', 'OPEN_MOUTH')),
    nonce_sealed bytea NOT NULL,
    issued_at timestamptz NOT NULL,
    answer_by timestamptz NOT NULL,
    takes smallint NOT NULL,
    taken_at timestamptz,
    hint varchar NOT NULL,
    report jsonb NOT NULL,
    CONSTRAINT pk_face_challenge PRIMARY KEY (face_check_id, step)
);

CREATE TABLE portrait (
    person_id varchar NOT NULL CONSTRAINT pk_portrait PRIMARY KEY
        CONSTRAINT fk_portrait_person_id REFERENCES person,
    embedding_sealed bytea NOT NULL,
    face_check_id varchar NOT NULL CONSTRAINT fk_portrait_face_check_id REFERENCES face_check,
    enrolled_at timestamptz NOT NULL
);

CREATE TABLE consent (
    consent_id varchar NOT NULL CONSTRAINT pk_consent PRIMARY KEY,
    person_id varchar NOT NULL CONSTRAINT fk_consent_person_id REFERENCES person,
    kind varchar NOT NULL CONSTRAINT ck_consent_kind CHECK (kind IN ('BIOMETRIC', 'TERMS')),
    version varchar NOT NULL,
    text_sha256 varchar NOT NULL,
    given_at timestamptz NOT NULL,
    device_sealed bytea NOT NULL
);
CREATE INDEX ix_consent_person ON consent (person_id, kind, given_at);
"""
