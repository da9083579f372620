"""The guard, by calling it: what it refuses and what it passes on."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from fastopts.serve.http.guard import CLIENT, HEAD, Guard
from fastopts.serve.http.tokens import Tokens
from fastopts.serve.settings import Limits, ServeSettings
from fastopts.serve.stats import ServerStats

TOKEN = "d" * 32
OPEN = ServeSettings()
LOCKED = ServeSettings(tokens=Tokens({"desk": TOKEN}))


@dataclass
class Response:
    """What the guard sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    scope: dict[str, Any] | None = None  # as the application saw it


class Guarded:
    """A guard around an application that answers 200, or raises *error*."""

    def __init__(self, settings: ServeSettings = OPEN, error: Exception | None = None) -> None:
        self.stats = ServerStats()
        self._error = error
        self._scope: dict[str, Any] | None = None
        self._guard = Guard(self._answer, settings, self.stats)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self._scope = scope
        if self._error is not None:
            raise self._error
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(
        self, method: str = "GET", client: str = "192.0.2.1", host: str = "localhost", **more: str
    ) -> Response:
        headers = {"host": host} | {name.replace("_", "-"): value for name, value in more.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": "/v1/feed",
            "client": (client, 1),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        response = Response()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.headers = {n.decode(): v.decode() for n, v in message["headers"]}

        self._scope = None
        await self._guard(scope, None, send)  # type: ignore[arg-type]
        response.scope = self._scope
        return response


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "LOCALHOST:8050"}, 200),
        ({"host": "[::1]:8050"}, 200),
        ({"host": "evil.example"}, 421),
        ({"origin": "http://localhost"}, 200),
        ({"host": "localhost:8050", "origin": "http://localhost:8050"}, 200),
        ({"origin": "http://localhost:8050"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 200),
        ({"content_length": "0"}, 200),
        ({"content_length": "1"}, 413),
        ({"transfer_encoding": "chunked"}, 413),
    ],
)
async def test_a_request_is_checked_by_its_headers(headers: dict[str, str], status: int) -> None:
    guarded = Guarded()
    response = await guarded.ask(**headers)
    assert response.status == status
    assert (response.scope is not None) is (status == 200)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert guarded.stats.refusals.total() == (status != 200)


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("POST", 405)])
async def test_only_reading_methods_pass(method: str, status: int) -> None:
    response = await Guarded().ask(method)
    assert response.status == status
    if response.scope is not None:
        assert response.scope["method"] == "GET"
        assert (HEAD in response.scope) is (method == "HEAD")


async def test_a_token_decides_and_names_the_client() -> None:
    guarded = Guarded(LOCKED)
    assert (await guarded.ask()).status == 401
    assert (await guarded.ask(authorization=f"Bearer {'x' * 32}")).status == 401
    response = await guarded.ask(authorization=f"Bearer {TOKEN}")
    assert response.scope is not None
    assert response.scope[CLIENT] == "desk@192.0.2.1"


async def test_wrong_tokens_lock_an_address_out_and_valid_ones_still_pass() -> None:
    guarded = Guarded(ServeSettings(tokens=LOCKED.tokens, limits=Limits(failures_minute=3)))
    wrong = f"Bearer {'x' * 32}"
    statuses = [(await guarded.ask(authorization=wrong)).status for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert guarded.stats.lockouts == 1
    assert (await guarded.ask(authorization=wrong, client="192.0.2.2")).status == 401
    assert (await guarded.ask(authorization=f"Bearer {TOKEN}")).status == 200
    assert (await guarded.ask()).status == 401  # without a token it is no guess


async def test_each_client_has_its_own_rate() -> None:
    guarded = Guarded(ServeSettings(limits=Limits(requests_s=0.001)))
    bucket_is_empty = Guarded(ServeSettings(limits=Limits(requests_s=0.5)))
    assert (await guarded.ask()).status == 429  # a burst of 0.002 requests is none
    assert [(await bucket_is_empty.ask()).status for _ in range(2)] == [200, 429]
    assert (await bucket_is_empty.ask(client="192.0.2.2")).status == 200


async def test_cross_origin_responses_are_marked_for_the_origins_of_cors() -> None:
    guarded = Guarded(ServeSettings(cors=("https://desk.example",)))
    allowed = await guarded.ask(origin="https://desk.example")
    assert allowed.headers["access-control-allow-origin"] == "https://desk.example"
    assert "cross-origin-resource-policy" not in allowed.headers
    other = await guarded.ask()
    assert (other.headers["vary"], other.headers["cross-origin-resource-policy"]) == (
        "origin",
        "same-origin",
    )
    preflight = await guarded.ask("OPTIONS", origin="https://desk.example")
    assert (preflight.status, preflight.scope) == (204, None)


async def test_an_error_of_the_application_becomes_a_500(caplog: pytest.LogCaptureFixture) -> None:
    response = await Guarded(error=ZeroDivisionError("secret")).ask()
    assert response.status == 500
    assert "ZeroDivisionError: secret" in caplog.text
