"""HTTP GET over one kept session. Blocking: call it from a worker thread."""

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
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
ANSWER_WITHIN_S = 60.0
ANSWER_SIZE_MAX = 64 * 1024 * 1024
PIECE_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """GETs below one base URL."""

    def __init__(self, base_url: str, user_agent: str, insecure: bool = False) -> None:
        parts = urlsplit(base_url)
        self._base_url = base_url.rstrip("/")
        self._session = requests.Session()
        # The environment is heard in proxy.find, for REST and WebSocket alike.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = user_agent
        found = proxy.find(base_url)
        if found:
            self._session.proxies = {"http": found, "https": found}
        if parts.scheme == "https":
            context = tls.context(parts.hostname or "", insecure)
            self._session.verify = not insecure
            self._session.mount("https://", _TlsAdapter(context))
        if insecure:
            # asked for, and said so; not again at each request
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Return the answer, whatever its status. Raises ConnectionLost when none came."""
        try:
            with self._session.get(
                self._base_url + path,
                params=params,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = _body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            # ValueError: it reads the target of a redirect that it is not to follow.
            cause = _cause(error)
            is_unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
            kind = UnknownHost if is_unknown else ConnectionLost
            # A library may quote the proxy's URL.
            raise kind(f"GET {self._base_url}{path}: {masked(str(cause))}") from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body)

    def close(self) -> None:
        self._session.close()


class _TlsAdapter(requests.adapters.HTTPAdapter):
    """Speaks TLS by our context: the library's own would read its roots again each time."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = self._context.verify_mode
        conn.ca_certs = conn.ca_cert_dir = None


def _body(response: requests.Response) -> bytes:
    """Read it to its end, which must come: the library's own timeouts are for each read."""
    deadline = time.monotonic() + ANSWER_WITHIN_S
    body = bytearray()
    # Not iter_content: it waits for whole pieces, which a dripping answer never fills.
    while piece := response.raw.read1(PIECE_SIZE, decode_content=True):
        body += piece
        if time.monotonic() > deadline:
            raise requests.Timeout(f"no whole answer in {ANSWER_WITHIN_S:g} s")
        if len(body) > ANSWER_SIZE_MAX:
            raise requests.RequestException(f"an answer of more than {ANSWER_SIZE_MAX} bytes")
    return bytes(body)


def _cause(error: BaseException) -> BaseException:
    """The innermost reason, without the library's layers around it."""
    while True:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            return error
        error = inner
