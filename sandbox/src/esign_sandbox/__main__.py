"""`python -m esign_sandbox`: the outside world in one process, HTTP and SMTP."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvicorn

from esign_sandbox.app import Sandbox, build
from esign_sandbox.credentials import Credentials, CredentialsError, load_credentials
from esign_sandbox.mail import serve_smtp
from esign_sandbox.store import DataDirBusyError


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="esign_sandbox", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--credentials", type=Path, required=True, help="JSON file, see README.md")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--public-url", help="the address in certificates and pages (http://127.0.0.1:HTTP_PORT)")
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning", "error"])
    return parser.parse_args(argv)


async def serve(sandbox: Sandbox, credentials: Credentials, args: argparse.Namespace) -> None:
    """Serves until a signal asks to stop: HTTP, SMTP, and the chain's sealing."""
    config = uvicorn.Config(
        sandbox.app,
        host=args.host,
        port=args.http_port,
        log_level=args.log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    smtp = await serve_smtp(args.host, args.smtp_port, sandbox.mailboxes, credentials.smtp, sandbox.faults)
    sealing = asyncio.create_task(sandbox.ledger.run())
    # uvicorn raises the signal that stopped it once more after its shutdown: an ordered stop then ends with 0.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        await uvicorn.Server(config).serve()
    finally:
        sealing.cancel()
        smtp.close()


def main() -> int:
    args = arguments()
    logging.basicConfig(level=args.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        credentials = load_credentials(args.credentials)
        sandbox = build(args.data_dir, credentials, args.public_url or f"http://127.0.0.1:{args.http_port}")
    except (CredentialsError, DataDirBusyError) as error:
        sys.stderr.write(f"esign_sandbox: {error}\n")
        return 2
    try:
        asyncio.run(serve(sandbox, credentials, args))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        sys.stderr.write(f"esign_sandbox: {error}\n")
        return 2
    finally:
        sandbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
