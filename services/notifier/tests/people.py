"""Identity, as the notifier knows it: a directory of people that tests fill."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign_kit.errors import NotFound, Unavailable
from esign_kit.testing import Platform
from esign_notifier.domain.messages import Contact


class People:
    """Plays `Contacts`; `away` has it not answer."""

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        self.away = False
        self.asked: list[tuple[str, str]] = []

    def add(self, person_id: str, phone: str, email: str, name: str = "李样例") -> str:
        """A person."""
        self.contacts[person_id] = Contact(name, phone, email)
        return person_id

    async def resolve(self, person_id: str, message_id: str) -> Contact:
        """The contact, or the typed errors of identity."""
        self.asked.append((person_id, message_id))
        if self.away:
            raise Unavailable("SERVICE_UNAVAILABLE", zh="", en="")
        if person_id not in self.contacts:
            raise NotFound("PERSON_NOT_FOUND", zh="", en="")
        return self.contacts[person_id]


class _Servicer(identity_pb2_grpc.InternalServiceServicer):
    def __init__(self, people: People) -> None:
        self._people = people

    async def ResolveContact(
        self,
        request: identity_pb2.ResolveContactRequest,
        context: grpc.aio.ServicerContext[identity_pb2.ResolveContactRequest, identity_pb2.ResolveContactResponse],
    ) -> identity_pb2.ResolveContactResponse:
        found = await self._people.resolve(request.person_id, request.message_id)
        return identity_pb2.ResolveContactResponse(name=found.name, phone=found.phone, email=found.email)


@asynccontextmanager
async def identity(platform: Platform, people: People) -> AsyncIterator[str]:
    """Serves the directory by gRPC as identity; yields the address."""
    registered = (identity_pb2_grpc.add_InternalServiceServicer_to_server, _Servicer(people))  # type: ignore[abstract]
    async with platform.peer("identity", registered) as address:
        yield address
