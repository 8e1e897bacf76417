"""What logins and sessions need of the world outside them."""

from datetime import datetime
from typing import Protocol

from esign_identity.domain.captcha import Captcha
from esign_identity.domain.login import Ticket
from esign_identity.domain.organisation import Organisation, Signer
from esign_identity.domain.session import EndCause, FormerToken, Session
from esign_identity.domain.sign_on import SignOn, SignOnRefusal


class Sessions(Protocol):
    """Sessions by the digests of their tokens."""

    async def add(self, session: Session) -> None:
        """Keep a new session."""

    async def by_token(self, digest: bytes) -> tuple[Session, FormerToken | None] | None:
        """By the digest of its present token, or of one that was replaced, which then comes along."""

    async def lock(self, session_id: str) -> Session | None:
        """As it is, with everyone else waiting until this transaction ends."""

    async def replace_token(self, session: Session, former: FormerToken) -> None:
        """Write down the session's new token, and the one whose place it takes."""

    async def touch(self, session_id: str, digest: bytes, now: datetime) -> None:
        """It was used with the token of this digest; when for the first time, the token before it is replaced from now on."""

    async def of_person(self, person_id: str, now: datetime) -> list[Session]:
        """Those that have not ended or expired, the newest first; some may have idled too long."""

    async def end(
        self,
        cause: EndCause,
        now: datetime,
        person_id: str,
        *,
        session_id: str = "",
        organisation_id: str = "",
        spare: str = "",
    ) -> list[Session]:
        """End a person's sessions: that one, those for a company, all but one, or all. Returns them as they were."""

    async def forget(self, before: datetime) -> None:
        """Delete sessions that ended or expired before."""


class Captchas(Protocol):
    """Captchas."""

    async def times_for_address(self, address: str, since: datetime) -> list[datetime]:
        """When captchas were made for a client address."""

    async def add(self, captcha: Captcha, address: str) -> None:
        """Keep a new one."""

    async def use(self, captcha_id: str, now: datetime) -> Captcha | None:
        """Take it, so that nobody else can; None when it was taken or never was."""

    async def was_made(self, captcha_id: str) -> bool:
        """Whether there is one, taken or not."""

    async def forget(self, before: datetime) -> None:
        """Delete those made before."""


class Tickets(Protocol):
    """Tickets of logins for a company."""

    async def add(self, ticket: Ticket) -> None:
        """Keep a new one."""

    async def person_of(self, digest: bytes) -> str:
        """Whose ticket it is; empty when there is none."""

    async def lock(self, digest: bytes) -> Ticket | None:
        """As it is, with everyone else waiting until this transaction ends."""

    async def update(self, ticket: Ticket) -> None:
        """Write down the attempts and the end."""

    async def close_all(self, person_id: str, now: datetime) -> None:
        """None of a person's tickets is good any more."""

    async def forget(self, before: datetime) -> None:
        """Delete those that expired before."""


class SignOns(Protocol):
    """Single sign-on tokens that were seen."""

    async def take(self, token: SignOn) -> bool:
        """Write it down; False when it was there. Of several at once, one gets True."""

    async def forget(self, before: datetime) -> None:
        """Delete those that expired before."""


class Signers(Protocol):
    """Who signs for which company."""

    async def present(self, organisation_id: str, system: str = "") -> list[Signer]:
        """Of a company, as that system says, or all."""

    async def is_present(self, organisation_id: str, person_id: str, system: str = "") -> bool:
        """Whether that person signs for the company, as that system says, or any."""

    async def companies_of(self, person_id: str) -> list[Organisation]:
        """For which a person signs, by name."""

    async def add(self, signer: Signer) -> None:
        """Keep a new one."""

    async def end(self, signer: Signer, now: datetime) -> None:
        """They sign no longer."""


class CaptchaPainter(Protocol):
    """Draws captchas."""

    async def paint(self, answer: str) -> bytes:
        """A PNG that shows these characters to people."""


class SignOnTokens(Protocol):
    """The keys of trusted platforms."""

    async def check(self, token: str) -> SignOn | SignOnRefusal:
        """What a token says, when its form, signature, issuer and audience hold; its time and uniqueness are not looked at."""
