"""Between domain values and messages."""

from datetime import datetime

from esign.common.v1 import common_pb2
from esign.identity.v1 import identity_pb2 as pb
from esign_kit.context import actor
from esign_kit.masking import mask_id_number, mask_phone
from esign_kit.refs import Placement
from google.protobuf.timestamp_pb2 import Timestamp

from esign_identity.app.sessions import Opened
from esign_identity.domain.activation import Activation
from esign_identity.domain.organisation import Organisation
from esign_identity.domain.person import Person
from esign_identity.domain.session import Session, mask_address
from esign_identity.domain.verification import Holder


def timestamp(moment: datetime) -> Timestamp:
    """An aware datetime as a message."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def holder() -> Holder:
    """Who acts in this call. Raises Unauthenticated."""
    acting = actor()
    return Holder(acting.person_id, acting.organisation_id)


def summary(person: Person) -> pb.PersonSummary:
    """With the full name, for the person and the parties of their contracts."""
    return pb.PersonSummary(
        person_id=person.person_id,
        name=person.name or "（已注销）",
        masked_phone=mask_phone(person.phone),
        masked_id_number=mask_id_number(person.id_number),
    )


def organisation(company: Organisation) -> pb.OrganisationSummary:
    """As screens show it."""
    return pb.OrganisationSummary(
        organisation_id=company.organisation_id,
        name=company.name,
        unified_social_credit_code=company.unified_social_credit_code,
    )


def opened(login: Opened) -> pb.LoginResponse:
    """A new session."""
    return pb.LoginResponse(
        session_token=login.token,
        expires_at=timestamp(login.session.expires_at),
        person=summary(login.person),
        organisation=organisation(login.organisation) if login.organisation else None,
        terms_due=login.terms_due,
    )


def session(found: Session, company: Organisation | None, present: str) -> pb.SessionSummary:
    """As its person sees it; `present` is the id of the session with which they ask."""
    return pb.SessionSummary(
        session_id=found.session_id,
        started_at=timestamp(found.started_at),
        seen_at=timestamp(found.seen_at),
        expires_at=timestamp(found.expires_at),
        user_agent=found.user_agent,
        masked_address=mask_address(found.address),
        organisation=organisation(company) if company else None,
        current=found.session_id == present,
    )


def activation(issued: Activation) -> pb.IssueActivationResponse:
    """The statement and what the caller keeps of it."""
    return pb.IssueActivationResponse(
        activation_id=issued.activation_id, statement=issued.statement, expires_at=timestamp(issued.expires_at)
    )


def placement(message: common_pb2.Placement) -> Placement:
    """A place on a page."""
    return Placement(message.page, message.x1, message.y1, message.x2, message.y2)
