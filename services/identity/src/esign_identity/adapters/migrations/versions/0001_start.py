"""The first schema."""

from alembic import op
from esign_kit.outbox import create_kit_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """All tables."""
    create_kit_tables(op.get_bind())
    for statement in _STATEMENTS.split(";"):
        if statement.strip():
            op.execute(statement)


_STATEMENTS = """
CREATE TABLE person (
    person_id varchar NOT NULL CONSTRAINT pk_person PRIMARY KEY,
    id_number_index bytea NOT NULL CONSTRAINT uq_person_id_number_index UNIQUE,
    phone_index bytea NOT NULL CONSTRAINT uq_person_phone_index UNIQUE,
    name_sealed bytea NOT NULL,
    id_number_sealed bytea NOT NULL,
    phone_sealed bytea NOT NULL,
    email_sealed bytea NOT NULL,
    system varchar NOT NULL,
    registered_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE organisation (
    organisation_id varchar NOT NULL CONSTRAINT pk_organisation PRIMARY KEY,
    unified_social_credit_code varchar NOT NULL CONSTRAINT uq_organisation_unified_social_credit_code UNIQUE,
    name varchar NOT NULL,
    registered_at timestamptz NOT NULL
);

CREATE TABLE policy (
    policy_id varchar NOT NULL,
    version integer NOT NULL,
    unified_social_credit_code varchar NOT NULL,
    seal_id varchar NOT NULL,
    business_types varchar[] NOT NULL,
    custodian_sealed bytea NOT NULL,
    valid_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_policy PRIMARY KEY (policy_id, version)
);

CREATE TABLE code (
    code_id varchar NOT NULL CONSTRAINT pk_code PRIMARY KEY,
    purpose varchar NOT NULL CONSTRAINT ck_code_purpose CHECK (purpose IN ('LOGIN', 'SIGNING')),
    phone_index bytea NOT NULL,
    address_index bytea,
    verification_id varchar NOT NULL,
    digest bytea NOT NULL,
    state varchar NOT NULL CONSTRAINT ck_code_state CHECK (state IN ('SENDING', 'SENT', 'USED', 'DEAD')),
    attempts smallint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_code_phone ON code (phone_index, purpose, created_at);
CREATE INDEX ix_code_address ON code (address_index, created_at);
CREATE INDEX ix_code_verification ON code (verification_id, created_at);
CREATE INDEX ix_code_created_at ON code (created_at);

CREATE TABLE login_failure (
    failure_id varchar NOT NULL CONSTRAINT pk_login_failure PRIMARY KEY,
    address_index bytea NOT NULL,
    failed_at timestamptz NOT NULL
);
CREATE INDEX ix_login_failure_address ON login_failure (address_index, failed_at);

CREATE TABLE session (
    session_id varchar NOT NULL CONSTRAINT pk_session PRIMARY KEY,
    token_digest bytea NOT NULL CONSTRAINT uq_session_token_digest UNIQUE,
    person_id varchar NOT NULL CONSTRAINT fk_session_person_id REFERENCES person,
    user_agent varchar NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX ix_session_person ON session (person_id);

CREATE TABLE verification (
    verification_id varchar NOT NULL CONSTRAINT pk_verification PRIMARY KEY,
    person_id varchar NOT NULL CONSTRAINT fk_verification_person_id REFERENCES person,
    contract_id varchar NOT NULL,
    party_id varchar NOT NULL,
    document_sha256 varchar NOT NULL,
    document_number varchar NOT NULL,
    state varchar NOT NULL CONSTRAINT ck_verification_state
        CHECK (state IN ('SMS_PENDING', 'FACE_PENDING', 'PASSED', 'CONSUMED', 'FAILED', 'EXPIRED')),
    sms_attempts smallint NOT NULL,
    face_attempts smallint NOT NULL,
    sms_receipt varchar NOT NULL,
    face_receipt varchar NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX uq_verification_open ON verification (person_id, contract_id, party_id, document_sha256)
    WHERE state IN ('FACE_PENDING', 'PASSED', 'SMS_PENDING');
CREATE INDEX ix_verification_due ON verification (expires_at)
    WHERE state IN ('FACE_PENDING', 'PASSED', 'SMS_PENDING');
CREATE INDEX ix_verification_contract ON verification (contract_id, document_sha256);

CREATE TABLE face_check (
    face_check_id varchar NOT NULL CONSTRAINT pk_face_check PRIMARY KEY,
    verification_id varchar NOT NULL CONSTRAINT fk_face_check_verification_id REFERENCES verification,
    channel varchar NOT NULL CONSTRAINT ck_face_check_channel CHECK (channel IN ('TENCENT')),
    token_sealed bytea NOT NULL,
    url_sealed bytea NOT NULL,
    receipt_sealed bytea NOT NULL,
    consent_version varchar NOT NULL,
    state varchar NOT NULL CONSTRAINT ck_face_check_state CHECK (state IN ('OPEN', 'PASSED', 'FAILED', 'EXPIRED')),
    verdict varchar NOT NULL,
    score varchar NOT NULL,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX uq_face_check_open ON face_check (verification_id) WHERE state = 'OPEN';

CREATE TABLE activation (
    activation_id varchar NOT NULL CONSTRAINT pk_activation PRIMARY KEY,
    kind varchar NOT NULL CONSTRAINT ck_activation_kind CHECK (kind IN ('PERSON', 'POLICY')),
    person_id varchar NOT NULL,
    verification_id varchar NOT NULL,
    policy_id varchar NOT NULL,
    organisation varchar NOT NULL,
    contract_id varchar NOT NULL,
    party_id varchar NOT NULL,
    document_sha256 varchar NOT NULL,
    facts jsonb NOT NULL,
    receipts jsonb NOT NULL,
    statement varchar NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX uq_activation_verification ON activation (verification_id) WHERE verification_id <> '';
CREATE INDEX ix_activation_policy ON activation (policy_id, contract_id, party_id, document_sha256);

CREATE TABLE signed_document (
    activation_id varchar NOT NULL CONSTRAINT pk_signed_document PRIMARY KEY,
    contract_id varchar NOT NULL,
    party_id varchar NOT NULL,
    kind varchar NOT NULL,
    source_sha256 varchar NOT NULL,
    result_sha256 varchar NOT NULL,
    signed_at timestamptz NOT NULL
);
CREATE INDEX ix_signed_document_result ON signed_document (result_sha256);

CREATE TABLE disclosure (
    purpose varchar NOT NULL,
    reference varchar NOT NULL,
    person_id varchar NOT NULL,
    disclosed_at timestamptz NOT NULL,
    CONSTRAINT pk_disclosure PRIMARY KEY (purpose, reference)
);
"""
