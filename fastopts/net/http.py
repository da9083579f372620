"""HTTP GET over one persistent session. Blocking: call it from a worker thread.

One deadline bounds a whole exchange, apart from name look-up and connecting. The library's timeouts
bound single reads: a server that sends a byte now and then would block the caller without end.
"""

import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3

from fastopts.errors import ConnectionLost, UnknownHost, masked
from fastopts.net import proxy, tls

__all__ = ("HttpClient", "HttpResponse")

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
RESPONSE_WITHIN_S = 30.0  # from the request to the last byte of the body
BODY_SIZE_MAX = 8 * 1024 * 1024  # decompressed; the tickers of 5,000 options take 3.5 MB
PIECE_SIZE = 64 * 1024
MEMBERS_MAX = 100  # of a gzip body: each costs a copy of the rest


# ValueError and zlib.error: a body that can't be decompressed, a malformed URL.
_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, zlib.error)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_at: float = 0.0
    """Monotonic time right before the request was sent."""
    received_at: float = 0.0
    """Monotonic time when the body was complete."""


class HttpClient:
    """GET requests below one base URL, one at a time. Cookies are neither stored nor sent."""

    def __init__(self, base_url: str, user_agent: str, insecure: bool = False) -> None:
        parts = urlsplit(base_url)
        self._base_url = base_url.rstrip("/")
        self._deadline = _Deadline()
        self._session = _Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # proxy.find reads the environment, for REST and WebSocket alike.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = user_agent
        self._session.headers["Accept-Encoding"] = "gzip"
        proxy_url = proxy.find(base_url)
        if proxy_url:
            self._session.proxies = {"http": proxy_url, "https": proxy_url}
        context = None
        if parts.scheme == "https":
            context = tls.context(parts.hostname or "", insecure)
            self._session.verify = not insecure
        self._session.mount(f"{parts.scheme}://", _Adapter(self._deadline, context))
        if insecure:
            # The operator asked for it: no warning with each request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def get(self, path: str, params: Mapping[str, str]) -> HttpResponse:
        """Return the response, whatever its status. Raises ConnectionLost if there is none."""
        self._deadline.begin(RESPONSE_WITHIN_S)
        sent_at = time.monotonic()
        try:
            with self._session.get(
                self._base_url + path,
                params=params,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = b"".join(_body(response))
                received_at = time.monotonic()
        except _FAULTS as error:
            cause = _cause(error)
            if self._deadline.has_passed:
                cause = TimeoutError(f"no complete response in {RESPONSE_WITHIN_S:g} s")
            is_unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
            kind = UnknownHost if is_unknown else ConnectionLost
            # Masked: the library may quote the proxy's URL.
            raise kind(f"GET {self._base_url}{path}: {masked(str(cause))}") from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(response.status_code, headers, body, sent_at, received_at)

    def close(self) -> None:
        """Close the session's connections."""
        self._session.close()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: redirects are not followed. The library would read their bodies without a limit."""


class _Deadline:
    """The end of the time for the exchange in progress."""

    def __init__(self) -> None:
        self._at = 0.0

    def begin(self, seconds: float) -> None:
        """Start an exchange that may take *seconds*."""
        self._at = time.monotonic() + seconds

    @property
    def has_passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._at

    def limit(self, sock: socket.socket) -> None:
        """Set the timeout of the next read of *sock*. Raises TimeoutError if no time is left."""
        remaining_s = self._at - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("timed out")
        sock.settimeout(min(READ_TIMEOUT_S, remaining_s))


def _sockets(deadline: _Deadline) -> tuple[type[socket.socket], type[ssl.SSLSocket]]:
    """Return socket classes that bound each read by *deadline*, plain and TLS."""

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
    """Return connection pools whose sockets are of the class *plain*, by scheme."""

    def replaced(sock: socket.socket) -> socket.socket:
        timeout_s = sock.gettimeout()
        own = plain(sock.family, sock.type, sock.proto, sock.detach())
        own.settimeout(timeout_s)
        return own

    class Connection(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return replaced(super()._new_conn())

    class TlsConnection(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return replaced(super()._new_conn())

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": Pool, "https": TlsPool}


class _Adapter(requests.adapters.HTTPAdapter):
    """Connections under one deadline, with our own TLS context if there is one.

    The library would load its roots again for each connection.
    """

    def __init__(self, deadline: _Deadline, context: ssl.SSLContext | None) -> None:
        self._context = context
        plain, tls_socket = _sockets(deadline)
        self._pools = _pools(plain)
        if context is not None:
            context.sslsocket_class = tls_socket
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **(kwargs | self._tls))
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **(kwargs | self._tls))
        manager.pool_classes_by_scheme = self._pools
        return manager

    @property
    def _tls(self) -> dict[str, Any]:
        return {} if self._context is None else {"ssl_context": self._context}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        if self._context is not None:
            conn.cert_reqs = self._context.verify_mode
            conn.ca_certs = conn.ca_cert_dir = None


def _body(response: requests.Response) -> Iterator[bytes]:
    """Yield the decompressed body in pieces. Raises ValueError if it is incomplete or too large.

    In pieces, because a small body may decompress to a lot.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise ValueError(f"a response with an encoding that was not requested: {encoding[:40]!r}")
    pieces = _raw(response)
    size = 0
    for piece in pieces if encoding == "identity" else _unpacked(pieces):
        size += len(piece)
        if size > BODY_SIZE_MAX:
            raise ValueError(f"a response of more than {BODY_SIZE_MAX} bytes")
        yield piece


def _raw(response: requests.Response) -> Iterator[bytes]:
    # Not iter_content: it waits for full pieces, and the deadline would pass unnoticed.
    size = 0
    while piece := response.raw.read1(PIECE_SIZE, decode_content=False):
        size += len(piece)
        if size > BODY_SIZE_MAX:
            raise ValueError(f"a response of more than {BODY_SIZE_MAX} bytes")
        yield piece


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress gzip, at most PIECE_SIZE at a time. Raises zlib.error or ValueError."""
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
    yield inflater.flush()  # the rest of a match that did not fit into the last piece
    if not inflater.eof:
        raise ValueError("incomplete gzip body")


def _inflater() -> Any:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _cause(error: BaseException) -> BaseException:
    """Return the innermost cause, without the library's layers around it."""
    while True:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            return error
        error = inner
