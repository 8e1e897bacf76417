"""Consents: which text a person accepted, when, with what device."""

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from esign_identity.domain import refusals

_LONGEST_AGENT = 300


class ConsentKind(StrEnum):
    """BIOMETRIC: 生物特征信息使用声明, before every face check. TERMS: 平台服务协议与个人信息保护政策."""

    BIOMETRIC = "BIOMETRIC"
    TERMS = "TERMS"


@dataclass(frozen=True, slots=True)
class ConsentText:
    """A text in force: paragraphs separated by empty lines, Chinese."""

    kind: ConsentKind
    version: str
    title: str
    text: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the text in UTF-8, hex: what a consent is bound to."""
        return sha256(self.text.encode()).hexdigest()

    def is_meant(self, version: str, text_sha256: str) -> bool:
        """Whether version, and hash where one is named, are this text's."""
        return version == self.version and text_sha256 in ("", self.sha256)


@dataclass(frozen=True, slots=True)
class Device:
    """Where somebody acted from: IP address and browser, in the browser's own words."""

    address: str = field(repr=False)
    user_agent: str = field(repr=False)

    @classmethod
    def of(cls, address: str, user_agent: str) -> "Device":
        """Raises InvalidInput CLIENT_ADDRESS_INVALID."""
        try:
            parsed = ipaddress.ip_address(address.strip())
        except ValueError:
            raise refusals.client_address_invalid() from None
        return cls(str(parsed), "".join(c for c in user_agent if c.isprintable())[:_LONGEST_AGENT])


@dataclass(frozen=True, slots=True)
class Consent:
    """That a person accepted a text."""

    consent_id: str
    person_id: str
    kind: ConsentKind
    version: str
    text_sha256: str
    given_at: datetime
    device: Device
