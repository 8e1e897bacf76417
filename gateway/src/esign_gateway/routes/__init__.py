"""The routes, by who uses them."""

from starlette.routing import BaseRoute

from esign_gateway.routes import account, contracts, meta, public, relays, session, sign_on, signing


def all_routes() -> list[BaseRoute]:
    """Every route of the gateway."""
    routers = (
        session.router,
        account.router,
        contracts.router,
        signing.router,
        relays.router,
        sign_on.router,
        public.router,
        meta.router,
    )
    return [route for router in routers for route in router.routes]
