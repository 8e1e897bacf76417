"""An organisation's certificate, from the key to its installation."""

from esign_ca_broker.app.obtain import Obtain, refused
from esign_ca_broker.app.ports import Keys, OrderStore
from esign_ca_broker.domain.orders import Order, OrderState, checked_organisation
from esign_ca_broker.domain.requests import read_request


class EnrolOrganisation:
    """Takes an order from state to state; every step is idempotent by the order number, so that a call after a crash goes on."""

    def __init__(self, keys: Keys, orders: OrderStore, obtain: Obtain) -> None:
        self._keys, self._orders, self._obtain = keys, orders, obtain

    async def __call__(self, name: str, unified_social_credit_code: str) -> Order:
        """The installed order; the one that is there while its certificate is valid.

        Raises InvalidInput, Conflict ORGANISATION_NAME_DIFFERS or CERTIFICATE_REFUSED, Unavailable CA_UNAVAILABLE, and what the
        signer raises.
        """
        organisation = checked_organisation(name, unified_social_credit_code)
        order = await self._orders.open_organisation(organisation)
        if order.state is OrderState.NEW:
            key_id, der = await self._keys.create(order.order_no, organisation)
            order = await self._orders.requested(order.order_no, key_id, read_request(der))
        if order.state is OrderState.REQUESTED:
            order = await self._obtain(order, organisation)
        if order.state is OrderState.ISSUED:
            assert order.certificate is not None
            certificate_id = await self._keys.install(order.signer_key_id, order.certificate.chain)
            order = await self._orders.installed(order.order_no, certificate_id)
        if order.state is OrderState.REFUSED:
            raise refused(order)
        return order
