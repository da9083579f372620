"""The address of a Redis server: URL, user, database and TLS files."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from fastopts.errors import BadInput, ConfigError, shown

__all__ = ("Address", "TlsFiles", "parse")


PATH_BYTES_MAX = 103  # sun_path on macOS; Linux has four more


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files for TLS.

    *ca*: the only CA to trust (None: the system's roots and Mozilla's). *cert* and *key*: our
    certificate, for a server that asks for one.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = None  # None: in the file of the certificate


# Options of a URL, with the names of redis-py.
_FILES = {"ssl_ca_certs": "ca", "ssl_certfile": "cert", "ssl_keyfile": "key"}


@dataclass(frozen=True, slots=True)
class Address:
    """A server by TCP (*host*, *port*) or Unix socket (*path*), and how to log in."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    db: int = 0
    files: TlsFiles = TlsFiles()

    def __str__(self) -> str:
        """Return the URL without user and password."""
        if self.path is not None:
            return f"unix://{self.path}" + (f"?db={self.db}" if self.db else "")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' * self.tls}://{host}:{self.port}" + (f"/{self.db}" if self.db else "")

    @property
    def early_close(self) -> str:
        """A hint for errors: why a server may close the connection before its first reply."""
        if self.path is not None or self.files.cert is not None:
            return ""
        if self.tls:
            return " before its first reply; if it asks for a client certificate, name one"
        return " before its first reply; if it speaks TLS, write rediss://"

    @property
    def silence(self) -> str:
        """A hint for errors: why a server may not answer the first commands."""
        return "; if it speaks no TLS on this port, write redis://" if self.tls else ""

    def is_refusal(self, error: Exception) -> bool:
        """Whether *error*, of an attempt to connect, says that no server listens here."""
        if self.path is not None and isinstance(error, FileNotFoundError):
            return True
        return isinstance(error, ConnectionRefusedError)

    def introduction(self) -> list[tuple[str, ...]]:
        """Return the commands that begin a connection: AUTH, SELECT."""
        commands: list[tuple[str, ...]] = []
        if self.password is not None:
            user = () if self.username is None else (self.username,)
            commands.append(("AUTH", *user, self.password))
        if self.db:
            commands.append(("SELECT", str(self.db)))
        return commands


def parse(url: str, password: str | None = None) -> Address:
    """Parse `redis[s]://[[user]:password@]host[:port][/db]` or `unix://[..@]/path[?db=n]`.

    The query of a `rediss://` URL may name PEM files: ssl_ca_certs, ssl_certfile, ssl_keyfile.
    *password* is used if the URL has none.

    Raises ConfigError, which never shows a password, for a URL that could be read in two ways:
    libraries disagree about them, and the wrong reading connects to another server, or as another
    user.
    """
    if not isinstance(url, str):
        raise BadInput(f"url: {shown(url)} is not text: write 'redis://localhost:6379'")
    if not (password is None or isinstance(password, str)):
        # not the value, which is a secret
        raise BadInput(f"password: a {type(password).__name__}: write a str, or None")
    parts, port = _split(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(options)
    if query.keys() - {"db", *_FILES}:
        raise ConfigError(f"Redis URL: unknown option; it accepts db= and {'= '.join(_FILES)}=")
    if len(options) > len(query):
        raise ConfigError("Redis URL: an option occurs twice")
    files = _files(parts.scheme, query)
    if "db" in query and (parts.scheme != "unix" and options and parts.path.strip("/")):
        raise ConfigError("Redis URL: the database occurs twice, in the path and as db=")
    user = _decoded(parts.username) if parts.username else None
    secret = password if parts.password is None else _decoded(parts.password)
    _check_user(user, secret)
    if parts.scheme == "unix":
        if not hasattr(socket, "AF_UNIX"):
            raise ConfigError("Redis URL: this platform has no Unix sockets; write redis://host")
        if not parts.path or parts.hostname:
            raise ConfigError("Redis URL: write unix:///path of the socket, with three slashes")
        db = _db(query.get("db", "0"))
        return Address(path=_socket(parts.path), username=user, password=secret, db=db)
    db = _db(parts.path.strip("/") or query.get("db", "0"))
    host = parts.hostname or "localhost"
    return Address(host, port, None, parts.scheme == "rediss", user, secret, db, files)


def _files(scheme: str, query: Mapping[str, str]) -> TlsFiles:
    named = {_FILES[name]: path for name, path in query.items() if name in _FILES}
    if named and scheme != "rediss":
        raise ConfigError("Redis URL: files for TLS need rediss://")
    if not all(named.values()):
        raise ConfigError("Redis URL: an option for a TLS file has no path")
    if "key" in named and "cert" not in named:
        raise ConfigError("Redis URL: ssl_keyfile needs ssl_certfile")
    return TlsFiles(**named)


_ENCODE = "percent-encode special characters of a password (@ as %40, # as %23, / as %2F, % as %25)"
# urlsplit drops some of these silently, others can't be sent.
_NOT_IN_URLS = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BAD_CODE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _split(url: str) -> tuple[SplitResult, int]:
    """Return the parts of *url*, and its port."""
    if "#" in url:
        raise ConfigError(f"Redis URL: it contains '#'; {_ENCODE}")
    if _NOT_IN_URLS.search(url):
        raise ConfigError(f"Redis URL: it contains a space or control character; {_ENCODE}")
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise ConfigError(f"Redis URL: {_reason(error)}; {_ENCODE}") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ConfigError("Redis URL: it must begin with redis://, rediss:// or unix://")
    if "@" in parts.path + parts.query:
        raise ConfigError(f"Redis URL: it contains '@' behind the host; {_ENCODE}")
    if port == 0:
        raise ConfigError("Redis URL: the port must be from 1 to 65535")
    return parts, port or 6379


def _decoded(text: str) -> str:
    if _BAD_CODE.search(text):
        raise ConfigError(f"Redis URL: it contains a '%' without a code; {_ENCODE}")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ConfigError("Redis URL: a percent-encoded part is not UTF-8") from None


def _socket(text: str) -> str:
    path = _decoded(text)
    if len(path.encode()) > PATH_BYTES_MAX:
        raise ConfigError(f"Redis URL: the path of a socket is limited to {PATH_BYTES_MAX} bytes")
    return path


def _check_user(user: str | None, secret: str | None) -> None:
    if user is not None and secret is None:
        raise ConfigError(
            "Redis URL: a user without a password: write user:password@, or :password@"
            " for a password alone"
        )
    if secret is not None and _SURROGATES.search(secret):
        raise ConfigError("the Redis password is not UTF-8")


def _db(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise ConfigError(f"Redis URL: the database must be a number; {_ENCODE}")
    return int(text)


def _reason(error: ValueError) -> str:
    return "the port must be a number" if "port" in str(error).lower() else "it can't be read"
