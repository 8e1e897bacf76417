"""招采平台 as its staff sees it, and the same as JSON for programs."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from esign_sandbox.pages import render
from esign_sandbox.procurement import example
from esign_sandbox.procurement.identity import IdentityClient
from esign_sandbox.procurement.sign_on import SignOnTokens
from esign_sandbox.procurement.suppliers import Company, NewSupplier, ProcurementError, Signer, Supplier, Suppliers

_LABELS = {
    "name": "单位名称",
    "unified_social_credit_code": "统一社会信用代码",
    "country": "注册地",
    "signer.name": "姓名",
    "signer.phone": "手机",
    "signer.id_type": "证件类型",
    "signer.id_number": "证件号码",
    "signer.email": "邮箱",
}
_DONE = {"added": "供应商已登记，签章人信息已同步至签章平台。", "changed": "签章人已变更，签章平台即时生效。"}


@dataclass(frozen=True)
class Procurement:
    """What the platform's staff does. The signing platform is asked first; only what it took is recorded."""

    suppliers: Suppliers
    identity: IdentityClient
    tokens: SignOnTokens
    gateway_url: str

    @property
    def sign_on_url(self) -> str:
        """Where a supplier's browser takes its token, in the field `token` of a form."""
        return f"{self.gateway_url}/sso/procurement"

    def add(self, new: NewSupplier) -> Supplier:
        """Raises ProcurementError. After a lost answer the same may be asked again."""
        self.suppliers.refuse_known(new.unified_social_credit_code)
        company = Company.model_validate(new.model_dump(exclude={"signer"}))
        known = self.identity.register_signer(company, new.signer)
        return self.suppliers.get(self.suppliers.add(company, new.signer, known.organisation_id, known.person_id))

    def change_signer(self, supplier_id: str, signer: Signer) -> Supplier:
        """变更. Raises ProcurementError. After a lost answer the same may be asked again."""
        company = self.suppliers.get(supplier_id).company
        known = self.identity.change_signer(company.unified_social_credit_code, signer)
        self.suppliers.change_signer(supplier_id, signer, known.person_id)
        return self.suppliers.get(supplier_id)

    def sign_on(self, supplier_id: str) -> dict[str, str]:
        """A fresh token for the present signer, and where to take it. Raises ProcurementError."""
        supplier = self.suppliers.get(supplier_id)
        token = self.tokens.issue(supplier.present.person_id, supplier.company.unified_social_credit_code)
        return {"action_url": self.sign_on_url, "token": token}


def api_router(platform: Procurement) -> APIRouter:
    """For programs. Errors are `{code, message}`; wrong fields are refused before by the application."""
    router = APIRouter(prefix="/procurement/api/suppliers")

    @router.get("")
    def suppliers() -> list[dict[str, object]]:
        return [_json(supplier) for supplier in platform.suppliers.all()]

    @router.post("", status_code=201)
    def add(new: NewSupplier) -> dict[str, object]:
        return _json(platform.add(new))

    @router.get("/{supplier_id}")
    def supplier(supplier_id: str) -> dict[str, object]:
        return _json(platform.suppliers.get(supplier_id))

    @router.post("/{supplier_id}/signer")
    def change(supplier_id: str, signer: Signer) -> dict[str, object]:
        return _json(platform.change_signer(supplier_id, signer))

    @router.post("/{supplier_id}/sign-on")
    def sign_on(supplier_id: str) -> dict[str, str]:
        return platform.sign_on(supplier_id)

    return router


class _Change(BaseModel):
    signer: Signer


class SignerForm(BaseModel):
    """The fields as a browser sends them; what is missing is empty."""

    signer_name: str = ""
    signer_phone: str = ""
    signer_id_type: str = "resident_id"
    signer_id_number: str = ""
    signer_email: str = ""

    def signer(self) -> dict[str, str]:
        """The fields of a Signer."""
        return {name: getattr(self, f"signer_{name}") for name in Signer.model_fields}


class SupplierForm(SignerForm):
    """A supplier and its signer."""

    name: str = ""
    unified_social_credit_code: str = ""
    country: str = "CN"


def pages_router(platform: Procurement) -> APIRouter:
    """For people."""
    router = APIRouter(prefix="/procurement")

    def form(values: SignerForm, error: Exception | None = None, supplier: Supplier | None = None) -> HTMLResponse:
        status, problem = (200, None) if error is None else _problem(error)
        page = "procurement/new.html" if supplier is None else "procurement/signer.html"
        return render(page, {"values": values, "problem": problem, "supplier": supplier}, status)

    @router.get("")
    def index(q: str = "") -> HTMLResponse:
        return render("procurement/index.html", {"suppliers": platform.suppliers.all(q), "q": q})

    @router.get("/suppliers/new")
    def new(filled: bool = False) -> HTMLResponse:
        return form(SupplierForm.model_validate(example.supplier() if filled else {}))

    @router.post("/suppliers")
    def add(values: Annotated[SupplierForm, Form()]) -> Response:
        fields = {name: getattr(values, name) for name in Company.model_fields}
        try:
            added = platform.add(NewSupplier.model_validate({**fields, "signer": values.signer()}))
        except (ProcurementError, ValidationError) as error:
            return form(values, error)
        return RedirectResponse(f"/procurement/suppliers/{added.id}?done=added", 303)

    @router.get("/suppliers/{supplier_id}")
    def supplier(supplier_id: str, done: str = "") -> HTMLResponse:
        try:
            found = platform.suppliers.get(supplier_id)
        except ProcurementError as error:
            return render("procurement/missing.html", {}, error.status)
        former = [record for record in platform.suppliers.history(supplier_id) if record.until is not None]
        context = {"supplier": found, "former": former, "done": _DONE.get(done), "sign_on_url": platform.sign_on_url}
        # The gateway knows where a supplier comes from by the header Origin.
        return render(
            "procurement/supplier.html", context, forms_lead_to=[platform.gateway_url], referrer="strict-origin"
        )

    @router.get("/suppliers/{supplier_id}/signer")
    def change_form(supplier_id: str, filled: bool = False) -> HTMLResponse:
        try:
            found = platform.suppliers.get(supplier_id)
        except ProcurementError as error:
            return render("procurement/missing.html", {}, error.status)
        return form(SignerForm.model_validate(example.signer() if filled else {}), supplier=found)

    @router.post("/suppliers/{supplier_id}/signer")
    def change(supplier_id: str, values: Annotated[SignerForm, Form()]) -> Response:
        try:
            found = platform.suppliers.get(supplier_id)
        except ProcurementError as error:
            return render("procurement/missing.html", {}, error.status)
        try:
            platform.change_signer(supplier_id, _Change.model_validate({"signer": values.signer()}).signer)
        except (ProcurementError, ValidationError) as error:
            return form(values, error, found)
        return RedirectResponse(f"/procurement/suppliers/{supplier_id}?done=changed", 303)

    return router


def _problem(error: Exception) -> tuple[int, dict[str, object]]:
    """HTTP status, and what the page says of it; never a value that was sent."""
    if isinstance(error, ProcurementError):
        return error.status, {"text": str(error), "code": error.code}
    assert isinstance(error, ValidationError)
    wrong = dict.fromkeys(".".join(map(str, problem["loc"])) for problem in error.errors())
    return 400, {
        "text": f"请检查：{'、'.join(_LABELS.get(field, field) for field in wrong)}",
        "code": "INVALID_REQUEST",
    }


def _json(supplier: Supplier) -> dict[str, object]:
    return {
        "id": supplier.id,
        **supplier.company.model_dump(),
        "organisation_id": supplier.organisation_id,
        "created_at": supplier.created_at,
        "certificate_first_day": supplier.certificate_first_day,
        "certificate_last_day": supplier.certificate_last_day,
        "signer": {
            "person_id": supplier.present.person_id,
            **supplier.present.signer.model_dump(),
            "since": supplier.present.since,
        },
    }
