"""The guard: checks every request before anything else handles it, and adds security headers."""

import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastopts.serve.http import tokens
from fastopts.serve.http.admission import CONFIRM
from fastopts.serve.http.clients import ClientResolver
from fastopts.serve.http.problems import Problem, internal_error
from fastopts.serve.http.rate_limit import CLIENTS_MAX, RateLimiter, TokenBucket
from fastopts.serve.protocol import Reason
from fastopts.serve.settings import ServeSettings
from fastopts.serve.stats import ServerStats

__all__ = ("CLIENT", "CSP", "HEAD", "Guard")

log = logging.getLogger(__name__)

# Keys of the ASGI scope: the client that limits are counted by, and whether the method was HEAD.
CLIENT: Final = "fastopts.client"
HEAD: Final = "fastopts.head"

LOCKOUT_LOGS_MINUTE: Final = 6
LOCKOUT_S: Final = 60.0  # a continuing lock-out is counted and logged again after this time

# The page needs its own scripts, styles and API, and data: images that a chart exports.
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self'; base-uri 'self'; form-action 'none';"
    " frame-ancestors 'none'"
)
_SECURITY_HEADERS: Final = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": CSP,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }.items()
)
_SAME_ORIGIN_RESOURCE: Final = (b"cross-origin-resource-policy", b"same-origin")

# One header line each. RFC 9110 allows both in one line, but Chromium then knows only the first
# scheme, and never asks for a password.
_CHALLENGES: Final = ('Bearer realm="fastopts"', 'Basic realm="fastopts", charset="UTF-8"')

Headers = list[tuple[bytes, bytes]]


class Guard:
    """ASGI middleware around *app*: passes on the requests that *settings* allow.

    Starlette's TrustedHost and CORS middleware are not used: they know neither the port and the
    scheme of the server's own origin, nor Sec-Fetch-Site, nor problem details.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, stats: ServerStats) -> None:
        limits = settings.limits
        self._app = app
        self._tokens = settings.tokens
        self._hosts = settings.allowed_hosts
        self._origins = frozenset((*settings.origins, *settings.cors))
        self._cors = frozenset(settings.cors)
        self._stats = stats
        per_s, failures = limits.requests_s, limits.failures_minute
        self._clients = ClientResolver(settings.trusted_networks)
        self._requests = RateLimiter(lambda: TokenBucket(per_s, 2 * per_s))
        self._failures = RateLimiter(lambda: TokenBucket(failures / 60, failures))
        self._lockouts = _LockoutLog(failures, stats)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        origin = _single(scope["headers"], b"origin")
        sender = _HeaderSender(send, self._extra_headers(origin))
        refusal = self._check(scope, origin)
        if refusal is not None:
            if isinstance(refusal, Problem):
                self._stats.count_refusal(refusal.reason)
            await _send(refusal, scope, receive, sender)
            return
        if CONFIRM in scope:
            scope[CONFIRM]()
        if scope["type"] == "http" and scope["method"] == "HEAD":
            # uvicorn leaves out the body of a response to HEAD, but waits for its end: an event
            # stream would never finish. Routes see GET, and the stream sees the key.
            scope = {**scope, "method": "GET", HEAD: True}
        started_at = time.perf_counter()
        try:
            await self._app(scope, receive, sender)
        except Exception as error:  # noqa: BLE001 - the outermost handler
            await self._on_error(error, scope, receive, sender)
        if scope["type"] == "http":
            route = getattr(scope.get("route"), "path", "none")
            duration_s = time.perf_counter() - started_at
            self._stats.count_request(route, sender.status, duration_s)

    def _check(self, scope: Scope, origin: str | None) -> Response | None:
        """Return why the request is refused, None if it is not; set `scope[CLIENT]`."""
        headers: Headers = scope["headers"]
        peer = (scope.get("client") or ("", 0))[0]
        address = self._clients.key(peer, headers)
        token = owner = None
        if self._tokens is not None:
            token = tokens.from_header(_single(headers, b"authorization") or "")
            owner = None if token is None else self._tokens.owner(token)
        # A valid token has limits of its own: other clients at the same address can't exhaust them.
        client = scope[CLIENT] = address if owner is None else f"{owner}@{address}"
        refusal = self._check_request(scope, origin, client)
        if refusal is None and self._tokens is not None and owner is None:
            refusal = self._refuse_token(address, has_token=token is not None)
        return refusal

    async def _on_error(
        self, error: Exception, scope: Scope, receive: Receive, sender: "_HeaderSender"
    ) -> None:
        """Handle an error outside of the routes, which log and answer their own."""
        if sender.status and scope["type"] == "http":
            return
        response = internal_error(error)
        if not sender.status:
            await _send(response, scope, receive, sender)

    def _extra_headers(self, origin: str | None) -> Headers:
        """The headers that every response to *origin* carries."""
        headers = [*_SECURITY_HEADERS]
        if self._cors:
            # Also without an Origin: a cache would otherwise give one site's response to another.
            headers.append((b"vary", b"origin"))
        if origin in self._cors:
            headers.append((b"access-control-allow-origin", str(origin).encode("latin-1")))
        else:
            headers.append(_SAME_ORIGIN_RESOURCE)
        return headers

    def _check_request(self, scope: Scope, origin: str | None, client: str) -> Response | None:
        """Return why the request is refused whatever its token; None if it is not."""
        headers: Headers = scope["headers"]
        if not self._requests.bucket_of(client).take():
            return Problem(429, Reason.TOO_MANY, "request rate limit reached", {"Retry-After": "1"})
        host = _single(headers, b"host")
        if host is None:
            return Problem(400, Reason.BAD_HOST, "a request needs exactly one Host header")
        # Against DNS rebinding: a page of evil.example whose name now resolves to this server.
        if _without_port(host) not in self._hosts:
            detail = "unknown host; allow it with --allow-host"
            return Problem(421, Reason.BAD_HOST, detail)
        if not self._is_allowed_origin(headers, host, origin):
            detail = "cross-origin request refused; allow it with --allow-origin"
            return Problem(403, Reason.BAD_ORIGIN, detail)
        if scope["type"] == "http":
            return self._check_method(scope, origin)
        return None

    def _is_allowed_origin(self, headers: Headers, host: str, origin: str | None) -> bool:
        """Whether the request comes from no page, a page of this server, or an allowed origin."""
        if _count(headers, b"origin") > 1:
            return False
        if origin is not None:
            own = host.lower()
            return origin.lower() in (f"http://{own}", f"https://{own}") or origin in self._origins
        # Browsers leave out Origin for images and scripts, but send Fetch Metadata.
        site = _single(headers, b"sec-fetch-site")
        mode = _single(headers, b"sec-fetch-mode")
        return site in (None, "same-origin", "none") or mode == "navigate"

    def _check_method(self, scope: Scope, origin: str | None) -> Response | None:
        headers: Headers = scope["headers"]
        if scope["method"] == "OPTIONS" and origin in self._cors:
            return _preflight()
        if scope["method"] not in ("GET", "HEAD"):
            allowed = {"Allow": "GET, HEAD"}
            return Problem(405, Reason.READ_ONLY, "read-only API; use GET or HEAD", allowed)
        # No route reads a body, so one is an attempt to smuggle a second request past a proxy.
        sizes = {value for name, value in headers if name == b"content-length"}
        if _count(headers, b"transfer-encoding") or sizes - {b"0"}:
            detail = "request body refused; send none"
            return Problem(413, Reason.NO_BODY, detail, {"Connection": "close"})
        return None

    def _refuse_token(self, address: str, *, has_token: bool) -> Response:
        """Return the refusal of a request without a valid token, and count a wrong one."""
        failures = self._failures.bucket_of(address)
        if has_token and failures.is_empty:
            retry_after = {"Retry-After": str(int(failures.wait_s) + 1)}
            detail = "too many wrong tokens from this address"
            return Problem(429, Reason.TOO_MANY, detail, retry_after)
        if has_token:
            failures.take()
            if failures.is_empty:
                self._lockouts.add(address)
        refusal = Problem(
            401, Reason.NO_TOKEN, "missing or wrong token; send Authorization: Bearer <token>"
        )
        for challenge in _CHALLENGES:
            refusal.headers.append("WWW-Authenticate", challenge)
        return refusal


class _LockoutLog:
    """Counts and logs addresses that are locked out after too many wrong tokens."""

    def __init__(self, failures_minute: int, stats: ServerStats) -> None:
        self._failures_minute = failures_minute
        self._stats = stats
        self._log_rate = TokenBucket(LOCKOUT_LOGS_MINUTE / 60, LOCKOUT_LOGS_MINUTE)
        # The time of the newest lock-out by address, oldest first.
        self._locked_at: OrderedDict[str, float] = OrderedDict()
        self._unlogged = 0

    def add(self, address: str) -> None:
        """Count and log a lock-out of *address*, once in `LOCKOUT_S` while it continues."""
        now = time.monotonic()
        while self._locked_at and now - next(iter(self._locked_at.values())) >= LOCKOUT_S:
            self._locked_at.popitem(last=False)
        if address in self._locked_at:
            return
        self._locked_at[address] = now
        if len(self._locked_at) > CLIENTS_MAX:
            self._locked_at.popitem(last=False)
        self._stats.lockouts += 1
        if not self._log_rate.take():
            self._unlogged += 1
            return
        unlogged, self._unlogged = self._unlogged, 0
        log.warning(
            "%s: locked out after %d wrong tokens within a minute; valid tokens are still accepted"
            " from this address%s",
            address or "unknown address",
            self._failures_minute,
            f" ({unlogged} other lock-outs were not logged)" if unlogged else "",
        )


class _HeaderSender:
    """An ASGI `send` that adds headers to responses and remembers the status."""

    def __init__(self, send: Send, extra_headers: Headers) -> None:
        self.status = 0  # 0 until a response has started
        self._send = send
        self._extra_headers = extra_headers

    async def __call__(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self.status = 101
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            headers = [*message.get("headers", ()), *self._extra_headers]
            message = {**message, "headers": headers}
        await self._send(message)


async def _send(response: Response, scope: Scope, receive: Receive, send: _HeaderSender) -> None:
    """Send *response*, also in place of a WebSocket handshake."""
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    start = {
        "type": "websocket.http.response.start",
        "status": response.status_code,
        "headers": response.raw_headers,
    }
    await send(start)
    await send({"type": "websocket.http.response.body", "body": bytes(response.body)})


def _preflight() -> Response:
    allowed = {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "Authorization, If-None-Match",
        "Access-Control-Max-Age": "600",
    }
    return Response(None, 204, allowed)


def _single(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """Return the value of the header *name* if it occurs exactly once."""
    values = [value for header, value in headers if header == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def _count(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> int:
    return sum(header == name for header, _ in headers)


def _without_port(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return (name if separator and port.isdecimal() else host).lower()
