"""The procurement platform, as its staff and its suppliers use it."""

from dataclasses import dataclass
from typing import Any

import httpx
from stdnum.cn import uscc

from esign_e2e.people import Tenant

Json = dict[str, Any]
COMPANY = "示例远山机电设备有限公司"


def company_code(number: int) -> str:
    """A unified social credit code with a valid check digit (GB 32100); different below 10 000 000."""
    body = f"91110105MA{number:07d}"
    return body + str(uscc.calc_check_digit(body))


@dataclass(frozen=True)
class ProcurementPlatform:
    """Its interface, at the sandbox's address. Raises AssertionError when it refuses."""

    http: httpx.AsyncClient

    async def add(self, code: str, signer: Tenant, name: str = COMPANY) -> Json:
        """Register a supplier."""
        return await self._ask("", {"name": name, "unified_social_credit_code": code, "signer": _signer(signer)})

    async def change_signer(self, supplier_id: str, signer: Tenant) -> None:
        """变更签章人."""
        await self._ask(f"/{supplier_id}/signer", _signer(signer))

    async def token(self, supplier_id: str) -> str:
        """What its page puts into the form behind 去签章平台申请电子签章."""
        return str((await self._ask(f"/{supplier_id}/sign-on", None))["token"])

    async def _ask(self, path: str, body: Json | None) -> Json:
        answer = await self.http.post(f"/procurement/api/suppliers{path}", json=body)
        if not answer.is_success:
            raise AssertionError(answer.text)
        found: Json = answer.json()
        return found


def _signer(tenant: Tenant) -> Json:
    return {"name": tenant.name, "phone": tenant.phone, "id_number": tenant.id_number, "email": tenant.email}
