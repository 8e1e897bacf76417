"""Sets up what a platform needs before its first contract, through the operator's own interfaces; safe to repeat.

The landlord's organisation, its certificate from the CA, its seal, and the standing policy by which it countersigns.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import grpc

NAME = "示例搜候商业管理有限公司"
UNIFIED_SOCIAL_CREDIT_CODE = "91110000MA0DEM0X18"
SEAL_CODE = "1101050000018"
POLICY_ID = "landlord-countersign"
BUSINESS_TYPES = ("租赁合同", "采购合同")
PATIENCE = 60.0
"""Seconds for each thing that is set up: a machine that starts everything at once is slow."""
ATTEMPT = 20.0
PAUSE = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seeded:
    """What internal systems need to know to have a contract countersigned."""

    organisation: str
    unified_social_credit_code: str
    policy_id: str
    seal_id: str

    def save(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=2))

    @classmethod
    def load(cls, file: Path) -> "Seeded":
        """Read what `save` wrote. Raises OSError."""
        return cls(**json.loads(file.read_text()))


async def persistently(call: "Callable[[float], Awaitable[T]]", seconds: float = PATIENCE) -> T:
    """Have a call, which has to be idempotent, answered within `seconds`, however often it is too slow or nobody is there.

    `call` gets the seconds that one attempt may take. Raises esign_kit.errors.EsignError: a refusal at once, TimedOut and
    Unavailable at the end.
    """
    from esign_kit.errors import TimedOut, Unavailable

    end = time.monotonic() + seconds
    while True:
        try:
            return await call(max(0.1, min(ATTEMPT, end - time.monotonic())))
        except (TimedOut, Unavailable):
            if time.monotonic() + PAUSE > end:
                raise
        await asyncio.sleep(PAUSE)


async def seed(channel: "Callable[[str], grpc.aio.Channel]") -> Seeded:
    """Set everything up. `channel(service)` is the operator's channel to a service.

    Raises esign_kit.errors.EsignError when a service refuses, or is not there for `PATIENCE`.
    """
    from esign.ca_broker.v1 import ca_broker_pb2, ca_broker_pb2_grpc
    from esign.identity.v1 import identity_pb2, identity_pb2_grpc
    from esign.signer.v1 import signer_pb2, signer_pb2_grpc
    from google.protobuf.timestamp_pb2 import Timestamp

    identity = identity_pb2_grpc.OperatorServiceStub(channel("identity"))
    ca_broker = ca_broker_pb2_grpc.OperatorServiceStub(channel("ca-broker"))
    signer = signer_pb2_grpc.OperatorServiceStub(channel("signer"))
    organisation = identity_pb2.RegisterOrganisationRequest(
        name=NAME, unified_social_credit_code=UNIFIED_SOCIAL_CREDIT_CODE
    )
    await persistently(lambda timeout: identity.RegisterOrganisation(organisation, timeout=timeout))
    enrolment = ca_broker_pb2.EnrolOrganisationRequest(name=NAME, unified_social_credit_code=UNIFIED_SOCIAL_CREDIT_CODE)
    await persistently(lambda timeout: ca_broker.EnrolOrganisation(enrolment, timeout=timeout))
    decision = signer_pb2.Decision(by="set-up", reason="设置本地平台")
    design = signer_pb2.DrawOrganisationSealRequest(
        unified_social_credit_code=UNIFIED_SOCIAL_CREDIT_CODE,
        kind=signer_pb2.SEAL_KIND_OFFICIAL,
        name=NAME,
        code=SEAL_CODE,
        decision=decision,
    )
    seal = await persistently(lambda timeout: signer.DrawOrganisationSeal(design, timeout=timeout))
    approval = signer_pb2.ChangeSealRequest(seal_id=seal.seal_id, decision=decision)
    await persistently(lambda timeout: signer.ApproveSeal(approval, timeout=timeout))
    valid_until = Timestamp()
    valid_until.FromDatetime(datetime.now(UTC) + timedelta(days=365))
    policy = identity_pb2.PutCountersignPolicyRequest(
        policy_id=POLICY_ID,
        unified_social_credit_code=UNIFIED_SOCIAL_CREDIT_CODE,
        seal_id=seal.seal_id,
        business_types=BUSINESS_TYPES,
        custodian="印章管理员",
        valid_until=valid_until,
    )
    await persistently(lambda timeout: identity.PutCountersignPolicy(policy, timeout=timeout))
    return Seeded(NAME, UNIFIED_SOCIAL_CREDIT_CODE, POLICY_ID, seal.seal_id)
