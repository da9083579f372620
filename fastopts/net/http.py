"""HTTP GET over one kept connection. Blocking: call it from a worker thread.

One deadline holds over a whole exchange, name lookup and connecting apart: the library's timeouts
are for each read, so that a server that sends a byte now and then would hold the caller for ever.
"""

import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from fastopts.errors import ConfigError, ConnectionLost, UnknownHost, masked
from fastopts.net import proxy, tls

__all__ = ("Answer", "HttpClient")

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
ANSWER_WITHIN_S = 30.0  # from the request to the last byte of the body
ANSWER_SIZE_MAX = 8 * 1024 * 1024  # unpacked; the tickers of 5,000 options are 3.5 MB
PIECE_SIZE = 64 * 1024
MEMBERS_MAX = 100  # of a gzip body: each costs a copy of what is left


# ValueError and zlib.error: a body that can't be unpacked, a URL that can't be read.
_FAULTS = (urllib3.exceptions.HTTPError, OSError, ValueError, zlib.error)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_at: float = 0.0
    """When the request was about to be sent, on the monotonic clock."""
    received_at: float = 0.0
    """When the whole body had come."""


class HttpClient:
    """GETs below one base URL, one at a time.

    No cookie is stored or sent, and no redirect followed. Of the environment only the proxies count
    (`proxy.find`), for REST and WebSocket alike.
    """

    def __init__(self, base_url: str, user_agent: str, insecure: bool = False) -> None:
        self._base_url = base_url.rstrip("/")
        self._deadline = _Deadline()
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip", "Accept": "*/*"}
        parts = urlsplit(base_url)
        context = None
        if parts.scheme == "https":
            context = tls.context(parts.hostname or "", insecure)
        self._manager = _manager(proxy.find(base_url), context, self._deadline)
        if insecure:
            # asked for, and said so; not again at each request
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Return the answer, whatever its status. Raises ConnectionLost when none came."""
        self._deadline.begin(ANSWER_WITHIN_S)
        try:
            response = self._manager.request(
                "GET",
                self._base_url + path,
                fields=dict(params),
                headers=self._headers,
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                body = b"".join(_body(response))
            finally:
                response.close()  # no-op for a connection that is free for the next request
        except _FAULTS as error:
            cause = _cause(error)
            if self._deadline.has_passed:
                cause = TimeoutError(f"no whole answer in {ANSWER_WITHIN_S:g} s")
            is_unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
            kind = UnknownHost if is_unknown else ConnectionLost
            # A library may quote the proxy's URL.
            raise kind(f"GET {self._base_url}{path}: {masked(str(cause))}") from error
        headers = {name.lower(): response.headers[name] for name in response.headers}
        return Answer(response.status, headers, body)

    def close(self) -> None:
        self._manager.clear()


class _Deadline:
    """When the exchange under way must be over."""

    def __init__(self) -> None:
        self._at = 0.0

    def begin(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @property
    def has_passed(self) -> bool:
        return time.monotonic() >= self._at

    def limit(self, sock: socket.socket) -> None:
        """Bound the next read of *sock*. Raises TimeoutError when it is too late for one."""
        left_s = self._at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        sock.settimeout(min(READ_TIMEOUT_S, left_s))


def _sockets(deadline: _Deadline) -> tuple[type[socket.socket], type[ssl.SSLSocket]]:
    """Classes of sockets of which each read is bounded by *deadline*."""

    class Plain(socket.socket):
        def recv_into(self, *args: Any, **kwargs: Any) -> int:
            deadline.limit(self)
            return super().recv_into(*args, **kwargs)

    class Tls(ssl.SSLSocket):
        def recv_into(self, *args: Any, **kwargs: Any) -> int:
            deadline.limit(self)
            return super().recv_into(*args, **kwargs)

    return Plain, Tls


def _pools(plain: type[socket.socket]) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Pools of connections whose sockets are *plain* ones, by scheme."""

    def taken_over(sock: socket.socket) -> socket.socket:
        timeout_s = sock.gettimeout()
        own = plain(sock.family, sock.type, sock.proto, sock.detach())
        own.settimeout(timeout_s)
        return own

    class Connection(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return taken_over(super()._new_conn())

    class TlsConnection(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return taken_over(super()._new_conn())

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": Pool, "https": TlsPool}


def _manager(
    proxy_url: str | None, context: ssl.SSLContext | None, deadline: _Deadline
) -> urllib3.PoolManager:
    """A connection under *deadline*, and by our own TLS context where there is one: the library
    would read its own roots again each time. Raises ConfigError for a proxy it can't read."""
    plain, tls_socket = _sockets(deadline)
    options: dict[str, Any] = {"num_pools": 1, "maxsize": 1}
    if context is not None:
        context.sslsocket_class = tls_socket
        options |= {"ssl_context": context, "cert_reqs": context.verify_mode}
    if proxy_url is None:
        manager = urllib3.PoolManager(**options)
    else:
        user = proxy.authorization(proxy_url)
        headers = {} if user is None else {"Proxy-Authorization": user}
        try:
            manager = urllib3.ProxyManager(proxy_url, proxy_headers=headers, **options)
        except urllib3.exceptions.LocationParseError:
            raise ConfigError(
                "the proxy in the environment has a host or port that can't be read"
            ) from None
    manager.pool_classes_by_scheme = _pools(plain)
    return manager


def _body(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Read the body to its end, which must come, in pieces: a small answer may unpack to a lot."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise ValueError(f"an answer in an encoding that was not asked for: {encoding[:40]!r}")
    pieces = _raw(response)
    size = 0
    for piece in pieces if encoding == "identity" else _unpacked(pieces):
        size += len(piece)
        if size > ANSWER_SIZE_MAX:
            raise ValueError(f"an answer of more than {ANSWER_SIZE_MAX} bytes")
        yield piece


def _raw(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    # Not stream: it waits for whole pieces, which a dripping answer never fills.
    size = 0
    while piece := response.read1(PIECE_SIZE, decode_content=False):
        size += len(piece)
        if size > ANSWER_SIZE_MAX:
            raise ValueError(f"an answer of more than {ANSWER_SIZE_MAX} bytes")
        yield piece


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip, PIECE_SIZE at most at a time. Raises zlib.error or ValueError."""
    inflater, members = _inflater(), 1
    for piece in pieces:
        packed = piece
        while packed:
            if inflater.eof:
                inflater, members = _inflater(), members + 1
            if members > MEMBERS_MAX:
                raise ValueError(f"a gzip body of more than {MEMBERS_MAX} members")
            yield inflater.decompress(packed, PIECE_SIZE)
            packed = inflater.unconsumed_tail or inflater.unused_data
    yield inflater.flush()  # the rest of a match that the last piece had no room for
    if not inflater.eof:
        raise ValueError("the gzip body breaks off")


def _inflater() -> Any:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _cause(error: BaseException) -> BaseException:
    """The innermost reason, without the library's layers around it."""
    while True:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            return error
        error = inner
