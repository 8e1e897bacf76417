"""The one-off certificate (事件型证书) of an activation."""

from esign_kit.errors import Conflict, EsignError, InvalidInput

from esign_ca_broker.app.obtain import Obtain, refused
from esign_ca_broker.app.ports import Identities, OrderStore, Statements
from esign_ca_broker.domain.orders import Order, OrderState, event_order_no
from esign_ca_broker.domain.requests import read_request


class IssueEventCertificate:
    """Issues at most one certificate per activation, for one key, however often and however concurrently it is asked."""

    def __init__(self, statements: Statements, identities: Identities, orders: OrderStore, obtain: Obtain) -> None:
        self._statements, self._identities, self._orders, self._obtain = statements, identities, orders, obtain

    async def __call__(self, statement: str, request_der: bytes) -> Order:
        """The issued order; the same activation and key again give the same certificate.

        Raises Forbidden ACTIVATION_INVALID or ACTIVATION_TOO_OLD, InvalidInput CSR_…, Conflict ACTIVATION_KEY_DIFFERS when the
        activation's certificate was asked for with another key, Conflict CERTIFICATE_REFUSED, Unavailable CA_UNAVAILABLE.
        Every refusal becomes an event.
        """
        try:
            activation = self._statements.verify(statement)
        except EsignError as error:
            await self._orders.report_refusal(error.reason)
            raise
        known = {"activation_id": activation.activation_id, "contract_id": activation.contract_id}
        order_no = event_order_no(activation.activation_id)
        try:
            request = read_request(request_der)
        except InvalidInput as error:
            await self._orders.report_refusal(error.reason, order_no=order_no, **known)
            raise
        order = await self._orders.open_event(order_no, activation, request)
        if order.key_sha256 != request.key_sha256:
            await self._orders.report_refusal("ACTIVATION_KEY_DIFFERS", order_no=order_no, **known)
            raise Conflict(
                "ACTIVATION_KEY_DIFFERS",
                zh="该授权已用于另一密钥",
                en="The activation's certificate was asked for with another key",
            )
        if order.state is OrderState.ISSUED:
            return order
        if order.state is OrderState.REFUSED:
            raise refused(order)
        subject = await self._identities.subject_of(activation.activation_id)
        if subject.person_id != activation.person_id:
            raise refused(await self._orders.refuse(order_no, "SUBJECT_DIFFERS", revoke=False))
        return await self._obtain(order, subject)
