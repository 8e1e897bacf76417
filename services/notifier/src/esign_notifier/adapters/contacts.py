"""Contacts, from identity, at the moment of sending."""

import grpc
from esign.identity.v1 import identity_pb2, identity_pb2_grpc

from esign_notifier.domain.messages import Contact


class IdentityContacts:
    """Plays `Contacts`."""

    def __init__(self, channel: grpc.aio.Channel, deadline_seconds: float) -> None:
        self._stub = identity_pb2_grpc.InternalServiceStub(channel)
        self._deadline = deadline_seconds

    async def resolve(self, person_id: str, message_id: str) -> Contact:
        """Asks identity; the channel raises its refusals as typed errors."""
        request = identity_pb2.ResolveContactRequest(person_id=person_id, message_id=message_id)
        found = await self._stub.ResolveContact(request, timeout=self._deadline)
        return Contact(name=found.name, phone=found.phone, email=found.email)
