"""What every request passes before anything else is looked at, and what every answer carries."""

import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastopts.serve.http.admission import ADMIT
from fastopts.serve.http.clients import Clients
from fastopts.serve.http.problems import Problem, unforeseen
from fastopts.serve.http.rate_limit import ADDRESSES_MAX, Bucket, Buckets
from fastopts.serve.http.tokens import offered
from fastopts.serve.settings import ServeSettings
from fastopts.serve.stats import Figures

__all__ = ("CLIENT", "CSP", "Guard")

log = logging.getLogger(__name__)

CLIENT: Final = "fastopts.client"  # key of the scope: what the limits of one client count by
LOCKOUT_LOGS_MINUTE: Final = 6
LOCKOUT_S: Final = 60.0  # a lock-out that goes on is counted and logged this often

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self'; base-uri 'self'; form-action 'none';"
    " frame-ancestors 'none'"
)
_HEADERS: Final = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": CSP,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }.items()
)
_OWN_SITE: Final = (b"cross-origin-resource-policy", b"same-origin")
# A line each: of two in one, Chromium knows the first only.
_CHALLENGES: Final = ('Bearer realm="fastopts"', 'Basic realm="fastopts", charset="UTF-8"')


class Guard:
    """An ASGI application around *app*: it lets through what *settings* allow."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, figures: Figures) -> None:
        limits = settings.limits
        self._app = app
        self._tokens = settings.tokens
        self._hosts = settings.allowed_hosts
        self._origins = frozenset((*settings.origins, *settings.cors))
        self._cors = frozenset(settings.cors)
        self._figures = figures
        per_s, failures = limits.requests_s, limits.failures_minute
        self._clients = Clients(settings.trusted_networks)
        self._requests = Buckets(lambda: Bucket(per_s, 2 * per_s))
        self._failures = Buckets(lambda: Bucket(failures / 60, failures))
        self._lockouts = _Lockouts(failures, figures)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        origin = _only(headers, b"origin")
        peer = (scope.get("client") or ("", 0))[0]
        address = self._clients.key(peer, headers)
        token = None if self._tokens is None else offered(_only(headers, b"authorization") or "")
        owner = None if token is None or self._tokens is None else self._tokens.owner(token)
        # A valid token has limits of its own: others at the same address can't use them up.
        client = scope[CLIENT] = address if owner is None else f"{owner}@{address}"
        refusal = self._refusal(scope, headers, origin, client)
        if refusal is None and self._tokens is not None and owner is None:
            refusal = self._unknown(address, has_token=token is not None)
        teller = _Teller(send, self._told(origin))
        if refusal is not None:
            if isinstance(refusal, Problem):
                self._figures.refused(refusal.reason)
            await self._refuse(scope, receive, teller, refusal)
            return
        if ADMIT in scope:
            scope[ADMIT]()
        if scope["type"] == "http" and scope["method"] == "HEAD":
            # The server leaves the body out; but a body without an end it would wait for.
            scope = {**scope, "method": "GET", "fastopts.head": True}
        began = time.perf_counter()
        try:
            await self._app(scope, receive, teller)
        except Exception as error:  # noqa: BLE001 - the last who could
            await self._failed(error, scope, receive, teller)
        if scope["type"] == "http":
            route = getattr(scope.get("route"), "path", "none")
            self._figures.answered(route, teller.status, time.perf_counter() - began)

    async def _failed(
        self, error: Exception, scope: Scope, receive: Receive, teller: "_Teller"
    ) -> None:
        """What a route raises is told and logged already; other errors are here."""
        if teller.status and scope["type"] == "http":
            return
        answer = unforeseen(error)
        if not teller.status:
            await self._refuse(scope, receive, teller, answer)

    def _told(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        """The headers that every answer to *origin* carries."""
        headers = [*_HEADERS]
        if self._cors:
            headers.append((b"vary", b"origin"))
        if origin in self._cors:
            headers.append((b"access-control-allow-origin", str(origin).encode("latin-1")))
        else:
            headers.append(_OWN_SITE)
        return headers

    def _refusal(
        self,
        scope: Scope,
        headers: Iterable[tuple[bytes, bytes]],
        origin: str | None,
        client: str,
    ) -> Response | None:
        """Why the request is refused whatever its token; None if it is not."""
        if not self._requests.of(client).take():
            return Problem(429, "TooMany", "more requests than are allowed", {"Retry-After": "1"})
        host = _only(headers, b"host")
        if host is None:
            return Problem(400, "BadHost", "a request names one host")
        if _without_port(host) not in self._hosts:
            return Problem(421, "BadHost", "not the host of this server; see --allow-host")
        if not self._is_own(headers, host, origin):
            return Problem(403, "BadOrigin", "the page of another site asks; see --allow-origin")
        if scope["type"] == "http":
            return self._refused_method(scope, headers, origin)
        return None

    def _is_own(
        self, headers: Iterable[tuple[bytes, bytes]], host: str, origin: str | None
    ) -> bool:
        """Whether no page of another site is behind it."""
        if _count(headers, b"origin") > 1:
            return False
        if origin is not None:
            own = host.lower()
            return origin.lower() in (f"http://{own}", f"https://{own}") or origin in self._origins
        site = _only(headers, b"sec-fetch-site")
        mode = _only(headers, b"sec-fetch-mode")
        return site in (None, "same-origin", "none") or mode == "navigate"

    def _refused_method(
        self, scope: Scope, headers: Iterable[tuple[bytes, bytes]], origin: str | None
    ) -> Response | None:
        if scope["method"] == "OPTIONS" and origin in self._cors:
            return _preflight()
        if scope["method"] not in ("GET", "HEAD"):
            allowed = {"Allow": "GET, HEAD"}
            return Problem(405, "ReadOnly", "this API is read-only: GET or HEAD", allowed)
        sizes = {value for name, value in headers if name == b"content-length"}
        if _count(headers, b"transfer-encoding") or sizes - {b"0"}:
            closing = {"Connection": "close"}
            return Problem(413, "NoBody", "a request of this API has no body", closing)
        return None

    def _unknown(self, address: str, *, has_token: bool) -> Response:
        """The refusal of a request without a valid token."""
        failures = self._failures.of(address)
        if has_token and failures.is_empty:
            again = {"Retry-After": str(int(failures.wait_s) + 1)}
            return Problem(429, "TooMany", "too many wrong tokens from this address", again)
        if has_token:
            failures.take()
            if failures.is_empty:
                self._lockouts.began(address)
        detail = "send a token: Authorization: Bearer <token>"
        refusal = Problem(401, "NoToken", detail)
        for challenge in _CHALLENGES:
            refusal.headers.append("WWW-Authenticate", challenge)
        return refusal

    async def _refuse(
        self, scope: Scope, receive: Receive, send: "_Teller", answer: Response
    ) -> None:
        if scope["type"] == "http":
            await answer(scope, receive, send)
            return
        start = {
            "type": "websocket.http.response.start",
            "status": answer.status_code,
            "headers": answer.raw_headers,
        }
        await send(start)
        await send({"type": "websocket.http.response.body", "body": bytes(answer.body)})


class _Lockouts:
    """Counts and logs addresses that sent too many wrong tokens."""

    def __init__(self, failures_minute: int, figures: Figures) -> None:
        self._failures_minute = failures_minute
        self._figures = figures
        self._logs = Bucket(LOCKOUT_LOGS_MINUTE / 60, LOCKOUT_LOGS_MINUTE)
        self._locked: OrderedDict[str, float] = (
            OrderedDict()
        )  # by address: since when, oldest first
        self._unlogged = 0

    def began(self, address: str) -> None:
        """Count a lock-out of *address*; log it, but not each of one that goes on."""
        now = time.monotonic()
        while self._locked and now - next(iter(self._locked.values())) >= LOCKOUT_S:
            self._locked.popitem(last=False)
        if address in self._locked:
            return
        self._locked[address] = now
        if len(self._locked) > ADDRESSES_MAX:
            self._locked.popitem(last=False)
        self._figures.lockouts += 1
        if not self._logs.take():
            self._unlogged += 1
            return
        others, self._unlogged = self._unlogged, 0
        log.warning(
            "%s: locked out after %d wrong tokens within a minute; valid tokens are still accepted"
            " from there%s",
            address or "unknown address",
            self._failures_minute,
            f" ({others} other lock-outs were not logged)" if others else "",
        )


class _Teller:
    """Sends, with the headers *extra*."""

    def __init__(self, send: Send, extra: list[tuple[bytes, bytes]]) -> None:
        self.status = 0
        self._send = send
        self._extra = extra

    async def __call__(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self.status = 101
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._extra]}
        await self._send(message)


def _preflight() -> Response:
    allowed = {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "Authorization, If-None-Match",
        "Access-Control-Max-Age": "600",
    }
    return Response(None, 204, allowed)


def _only(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The value of the header *name* where it is there once."""
    found = [value for one, value in headers if one == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _count(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> int:
    return sum(one == name for one, _ in headers)


def _without_port(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return (name if separator and port.isdecimal() else host).lower()
