"""HTTP GET over one kept session. Blocking: call it from a worker thread.

One deadline holds over a whole exchange, name lookup and connecting apart: the library's timeouts
are for each read, so that a server that sends a byte now and then would hold the caller for ever.
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

__all__ = ("Answer", "HttpClient")

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
ANSWER_WITHIN_S = 30.0  # from the request to the last byte of the body
ANSWER_SIZE_MAX = 8 * 1024 * 1024  # unpacked; the tickers of 5,000 options are 3.5 MB
PIECE_SIZE = 64 * 1024
MEMBERS_MAX = 100  # of a gzip body: each costs a copy of what is left


# ValueError and zlib.error: a body that can't be unpacked, a URL that can't be read.
_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, zlib.error)


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
    """GETs below one base URL, one at a time. No cookie is stored or sent."""

    def __init__(self, base_url: str, user_agent: str, insecure: bool = False) -> None:
        parts = urlsplit(base_url)
        self._base_url = base_url.rstrip("/")
        self._deadline = _Deadline()
        self._session = _Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # The environment is heard in proxy.find, for REST and WebSocket alike.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = user_agent
        self._session.headers["Accept-Encoding"] = "gzip"
        found = proxy.find(base_url)
        if found:
            self._session.proxies = {"http": found, "https": found}
        context = None
        if parts.scheme == "https":
            context = tls.context(parts.hostname or "", insecure)
            self._session.verify = not insecure
        self._session.mount(f"{parts.scheme}://", _Adapter(self._deadline, context))
        if insecure:
            # asked for, and said so; not again at each request
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Return the answer, whatever its status. Raises ConnectionLost when none came."""
        self._deadline.begin(ANSWER_WITHIN_S)
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
                cause = TimeoutError(f"no whole answer in {ANSWER_WITHIN_S:g} s")
            is_unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
            kind = UnknownHost if is_unknown else ConnectionLost
            # A library may quote the proxy's URL.
            raise kind(f"GET {self._base_url}{path}: {masked(str(cause))}") from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, sent_at, received_at)

    def close(self) -> None:
        self._session.close()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: a redirect is an answer. The library would read its body without a limit."""


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


class _Adapter(requests.adapters.HTTPAdapter):
    """Connections under one deadline, and by our own TLS context where there is one: the library
    would read its own roots again each time."""

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


def _raw(response: requests.Response) -> Iterator[bytes]:
    # Not iter_content: it waits for whole pieces, which a dripping answer never fills.
    size = 0
    while piece := response.raw.read1(PIECE_SIZE, decode_content=False):
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
