"""A browser in front of several gateways, as a load balancer without stickiness would have it."""

import itertools
from typing import Any

import httpx

from esign_e2e.doors import Browser


class Turns:
    """Every request of the browsers that `lead` was given goes to the next of `urls`; `answers` counts by gateway and status."""

    def __init__(self, urls: list[str]) -> None:
        self._targets = itertools.cycle(httpx.URL(url) for url in urls)
        self.answers: list[tuple[str, int]] = []

    def lead(self, *browsers: Browser) -> None:
        """Have these browsers take turns; what they hold for their address stays."""
        for browser in browsers:
            make = browser._client

            def client(make: Any = make, **options: Any) -> httpx.AsyncClient:
                found: httpx.AsyncClient = make(**options)
                self._hook(found)
                return found

            browser._client = client  # type: ignore[method-assign]
            self._hook(browser.http)

    def _hook(self, client: httpx.AsyncClient) -> None:
        client.event_hooks = {"request": [self._turn], "response": [self._note]}

    async def _turn(self, request: httpx.Request) -> None:
        target = next(self._targets)
        request.url = request.url.copy_with(host=target.host, port=target.port)
        request.headers["host"] = request.url.netloc.decode()

    async def _note(self, answer: httpx.Response) -> None:
        self.answers.append((str(answer.url.netloc.decode()), answer.status_code))
