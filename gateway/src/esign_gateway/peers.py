"""The services behind the gateway, and the person for whom they are called."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from esign.contract.v1 import contract_pb2_grpc
from esign.evidence.v1 import evidence_pb2_grpc
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign.signer.v1 import signer_pb2_grpc
from esign_kit.context import Actor, actor_var
from esign_kit.errors import Unauthenticated

if TYPE_CHECKING:
    from esign.contract.v1.contract_pb2_grpc import PortalServiceAsyncStub as Contracts
    from esign.evidence.v1.evidence_pb2_grpc import PublicServiceAsyncStub as PublicEvidence
    from esign.identity.v1.identity_pb2_grpc import PortalServiceAsyncStub as People
    from esign.signer.v1.signer_pb2_grpc import PortalServiceAsyncStub as Seals
    from esign.signer.v1.signer_pb2_grpc import PublicServiceAsyncStub as Validation


@dataclass(frozen=True, slots=True)
class Peers:
    """One stub per gRPC service that the gateway may call."""

    people: "People"
    contracts: "Contracts"
    seals: "Seals"
    validation: "Validation"
    evidence: "PublicEvidence"
    channels: dict[str, grpc.aio.Channel]

    @classmethod
    def connect(cls, channel: Callable[[str], grpc.aio.Channel]) -> "Peers":
        """`channel` opens the channel to a service by its name."""
        channels = {name: channel(name) for name in ("identity", "contract", "signer", "evidence")}
        return cls(
            people=identity_pb2_grpc.PortalServiceStub(channels["identity"]),
            contracts=contract_pb2_grpc.PortalServiceStub(channels["contract"]),
            seals=signer_pb2_grpc.PortalServiceStub(channels["signer"]),
            validation=signer_pb2_grpc.PublicServiceStub(channels["signer"]),
            evidence=evidence_pb2_grpc.PublicServiceStub(channels["evidence"]),
            channels=channels,
        )

    async def sign_in(self, session_token: str) -> identity_pb2.AuthenticateResponse:
        """Make the further calls of this request for the session's person. Raises Unauthenticated."""
        if not session_token:
            raise Unauthenticated("SESSION_MISSING", zh="请先登录", en="Sign in first")
        answer = await self.people.Authenticate(identity_pb2.AuthenticateRequest(session_token=session_token))
        # The services check the token themselves; here it is only carried.
        actor_var.set(
            Actor(answer.person.person_id, answer.session_id, answer.actor_token, answer.organisation.organisation_id)
        )
        return answer

    async def unreachable(self, seconds: float = 1.0) -> list[str]:
        """The services with which no connection stands, or can be made in time."""

        async def probe(name: str, channel: grpc.aio.Channel) -> str:
            try:
                await asyncio.wait_for(channel.channel_ready(), seconds)
            except TimeoutError:
                return name
            return ""

        found = await asyncio.gather(*(probe(name, channel) for name, channel in self.channels.items()))
        return [name for name in found if name]

    async def close(self) -> None:
        """Close every channel."""
        for channel in self.channels.values():
            await channel.close(None)
