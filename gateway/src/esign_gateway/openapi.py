"""The OpenAPI description of the API, for client generators: `python -m esign_gateway.openapi > FILE`."""

import json
import sys

from esign_gateway.app import bare_app, describe
from esign_gateway.routes import all_routes

if __name__ == "__main__":
    json.dump(describe(bare_app(all_routes())), sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
