"""The routes, by who uses them."""

from starlette.routing import BaseRoute

from esign_gateway.routes import contracts, meta, public, session, signing


def all_routes() -> list[BaseRoute]:
    """Every route of the gateway."""
    routers = (session.router, contracts.router, signing.router, public.router, meta.router)
    return [route for router in routers for route in router.routes]
