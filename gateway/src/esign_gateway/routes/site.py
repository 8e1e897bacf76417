"""Everything that is not the API: the portal's files and addresses."""

from fastapi import APIRouter, Request, Response
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException

from esign_gateway import pages
from esign_gateway.access import RuledRoute, public
from esign_gateway.app import GatewayDep
from esign_gateway.limits import Rate

# A page is some thirty files, and a whole company may stand behind one address.
PAGES = Rate("portal", per_minute=3000, burst=1500)


class SitePath(Convertor[str]):
    """A path that is not the API's: unknown paths of the API stay what they are, unknown."""

    regex = r"(?!(?:v1|sso)(?:/|$)|healthz$).*"

    def convert(self, value: str) -> str:
        """As it is."""
        return value

    def to_string(self, value: str) -> str:
        """As it is."""
        return value


register_url_convertor("site", SitePath())
router = APIRouter(route_class=RuledRoute, include_in_schema=False)


@router.api_route("/{path:site}", methods=["GET", "HEAD"], dependencies=[public(PAGES)])
async def get_site(path: str, request: Request, gateway: GatewayDep) -> Response:
    """A file of the portal, or its one page."""
    found = await gateway.portal.find(path)
    if found is not None:
        return found.response(request)
    if not gateway.portal.is_built:
        return pages.portal_missing()
    raise HTTPException(404)
