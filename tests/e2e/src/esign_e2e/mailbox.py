"""The mailbox of the sandbox: what the platform sent to phones and mail addresses."""

import re

import httpx

from esign_e2e.doors import Json


class Mailbox:
    """What arrives at a tenant's phone and mail address."""

    def __init__(self, sandbox_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=sandbox_url, trust_env=False, timeout=10)

    async def sms(self, phone: str) -> list[Json]:
        """All SMS to a phone, newest first."""
        return await self._get("/mailbox/sms", phone=phone)

    async def mails(self, address: str) -> list[Json]:
        """All mails to an address, newest first; one that was handed in twice with the same Message-ID is one."""
        return await self._get("/mailbox/mails", to=address)

    async def code(self, phone: str, *, contains: str) -> str | None:
        """The newest six-digit code in an SMS that contains a text."""
        for message in await self.sms(phone):
            if contains in message["text"] and (found := re.search(r"(?<!\d)\d{6}(?!\d)", message["text"])):
                return found.group()
        return None

    async def _get(self, path: str, **query: str) -> list[Json]:
        answer = await self._http.get(path, params=query)
        answer.raise_for_status()
        found: list[Json] = answer.json()
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
