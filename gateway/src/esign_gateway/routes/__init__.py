"""The routes, by who uses them."""

from starlette.routing import BaseRoute

from esign_gateway.routes import account, contracts, meta, public, relays, seals, session, sign_on, signing, site


def all_routes() -> list[BaseRoute]:
    """Every route of the gateway."""
    routers = (
        session.router,
        account.router,
        contracts.router,
        signing.router,
        seals.router,
        relays.router,
        sign_on.router,
        public.router,
        meta.router,
        # The last: it takes every path that is left.
        site.router,
    )
    return [route for router in routers for route in router.routes]
