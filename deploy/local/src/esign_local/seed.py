"""Sets up what a platform needs before its first contract, through the operator's own interfaces; safe to repeat.

The landlord's organisation, its certificate from the CA, its seal, and the standing policy by which it countersigns.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

NAME = "示例搜候商业管理有限公司"
UNIFIED_SOCIAL_CREDIT_CODE = "91110000MA0DEM0X18"
POLICY_ID = "landlord-countersign"
BUSINESS_TYPES = ("租赁合同", "采购合同")


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


async def seed(channel: "Callable[[str], grpc.aio.Channel]", font_file: Path) -> Seeded:
    """Set everything up. `channel(service)` is the operator's channel to a service.

    Raises esign_kit.errors.EsignError when a service refuses.
    """
    from esign.ca_broker.v1 import ca_broker_pb2, ca_broker_pb2_grpc
    from esign.identity.v1 import identity_pb2, identity_pb2_grpc
    from esign.signer.v1 import signer_pb2, signer_pb2_grpc
    from google.protobuf.timestamp_pb2 import Timestamp

    from esign_local.seal_image import round_seal

    identity = identity_pb2_grpc.OperatorServiceStub(channel("identity"))
    await identity.RegisterOrganisation(
        identity_pb2.RegisterOrganisationRequest(name=NAME, unified_social_credit_code=UNIFIED_SOCIAL_CREDIT_CODE)
    )
    await ca_broker_pb2_grpc.OperatorServiceStub(channel("ca-broker")).EnrolOrganisation(
        ca_broker_pb2.EnrolOrganisationRequest(name=NAME, unified_social_credit_code=UNIFIED_SOCIAL_CREDIT_CODE),
        timeout=30,
    )
    seal = await signer_pb2_grpc.OperatorServiceStub(channel("signer")).CreateOrganisationSeal(
        signer_pb2.CreateOrganisationSealRequest(
            unified_social_credit_code=UNIFIED_SOCIAL_CREDIT_CODE,
            kind=signer_pb2.SEAL_KIND_CONTRACT,
            png=round_seal(NAME, "合同专用章", font_file),
            width_um=40_000,
        )
    )
    valid_until = Timestamp()
    valid_until.FromDatetime(datetime.now(UTC) + timedelta(days=365))
    await identity.PutCountersignPolicy(
        identity_pb2.PutCountersignPolicyRequest(
            policy_id=POLICY_ID,
            unified_social_credit_code=UNIFIED_SOCIAL_CREDIT_CODE,
            seal_id=seal.seal_id,
            business_types=BUSINESS_TYPES,
            custodian="印章管理员",
            valid_until=valid_until,
        )
    )
    return Seeded(NAME, UNIFIED_SOCIAL_CREDIT_CODE, POLICY_ID, seal.seal_id)
