"""Tables of logins and sessions. Columns named `*_sealed` are encrypted, `*_index` are blind indexes."""

from datetime import datetime

from esign_kit.db import UTCDateTime
from sqlalchemy import Index, LargeBinary, SmallInteger, text
from sqlmodel import Field

from esign_identity.adapters.rows import Base

_PRESENT = text("ended_at IS NULL")


class LoginFailureRow(Base, table=True):
    """A refused login, for the limit of a client address."""

    __tablename__ = "login_failure"
    __table_args__ = (
        Index("ix_login_failure_address", "address_index", "failed_at"),
        Index("ix_login_failure_failed_at", "failed_at"),
    )

    failure_id: str = Field(primary_key=True)
    address_index: bytes = Field(sa_type=LargeBinary)
    failed_at: datetime = Field(sa_type=UTCDateTime)


class CaptchaRow(Base, table=True):
    """A captcha: the keyed digest of its answer, and when it was taken."""

    __tablename__ = "captcha"
    __table_args__ = (
        Index("ix_captcha_address", "address_index", "created_at"),
        Index("ix_captcha_created_at", "created_at"),
    )

    captcha_id: str = Field(primary_key=True)
    address_index: bytes = Field(sa_type=LargeBinary)
    digest: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class TicketRow(Base, table=True):
    """The ticket of a login for a company; of itself only the SHA-256."""

    __tablename__ = "login_ticket"
    __table_args__ = (Index("ix_login_ticket_person", "person_id"), Index("ix_login_ticket_expires_at", "expires_at"))

    ticket_digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    person_id: str = Field(foreign_key="person.person_id")
    attempts: int = Field(sa_type=SmallInteger)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class SignOnRow(Base, table=True):
    """That a single sign-on token was seen, until it would have expired anyway."""

    __tablename__ = "sign_on"
    __table_args__ = (Index("ix_sign_on_expires_at", "expires_at"),)

    token_digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    expires_at: datetime = Field(sa_type=UTCDateTime)


class SessionRow(Base, table=True):
    """A session; of its token only the SHA-256."""

    __tablename__ = "session"
    __table_args__ = (
        Index("ix_session_person", "person_id"),
        Index("ix_session_organisation", "organisation_id", postgresql_where=_PRESENT),
    )

    session_id: str = Field(primary_key=True)
    token_digest: bytes = Field(sa_type=LargeBinary, unique=True)
    person_id: str = Field(foreign_key="person.person_id")
    user_agent: str
    started_at: datetime = Field(sa_type=UTCDateTime)
    seen_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    organisation_id: str | None = Field(default=None, foreign_key="organisation.organisation_id")
    address_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    token_since: datetime = Field(sa_type=UTCDateTime)
    token_used: bool
    cause: str


class FormerTokenRow(Base, table=True):
    """A session's token that was replaced; of itself only the SHA-256."""

    __tablename__ = "former_token"
    __table_args__ = (Index("ix_former_token_session", "session_id"),)

    token_digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    session_id: str = Field(foreign_key="session.session_id", ondelete="CASCADE")
    nonce: bytes = Field(sa_type=LargeBinary)
    replaced_at: datetime = Field(sa_type=UTCDateTime)


class SignerRow(Base, table=True):
    """That a person signs, or signed, for a company, as one system says."""

    __tablename__ = "signer"
    __table_args__ = (
        Index(
            "uq_signer_present",
            "organisation_id",
            "person_id",
            "system",
            unique=True,
            postgresql_where=_PRESENT,
        ),
        Index("ix_signer_person", "person_id", postgresql_where=_PRESENT),
    )

    signer_id: str = Field(primary_key=True)
    organisation_id: str = Field(foreign_key="organisation.organisation_id")
    person_id: str = Field(foreign_key="person.person_id")
    system: str
    since: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
