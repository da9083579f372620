"""Where a Redis is, and as whom to speak to it."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from fastopts.errors import ConfigError

__all__ = ("Address", "parse")


@dataclass(frozen=True, slots=True)
class Address:
    """A Redis by TCP (host, port) or by Unix socket (path)."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    db: int = 0

    def __str__(self) -> str:
        """The URL without its password."""
        if self.path is not None:
            return f"unix://{self.path}" + (f"?db={self.db}" if self.db else "")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' * self.tls}://{host}:{self.port}" + (f"/{self.db}" if self.db else "")

    def introduction(self) -> list[tuple[str, ...]]:
        """The commands with which a connection begins."""
        commands: list[tuple[str, ...]] = []
        if self.password is not None:
            user = () if self.username is None else (self.username,)
            commands.append(("AUTH", *user, self.password))
        if self.db:
            commands.append(("SELECT", str(self.db)))
        return commands


def parse(url: str, password: str | None = None) -> Address:
    """Read `redis[s]://[[user]:password@]host[:port][/db]` or `unix://[..@]/path[?db=n]`.

    *password* is used when the URL holds none. Raises ConfigError, which never shows a password.
    """
    if "#" in url:
        raise ConfigError(f"Redis URL: there is a '#' in it; {_ENCODE}")
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise ConfigError(f"Redis URL: {_reason(error)}; {_ENCODE}") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ConfigError("Redis URL: it begins with redis://, rediss:// or unix://")
    query = dict(parse_qsl(parts.query))
    if query.keys() - {"db"}:
        raise ConfigError("Redis URL: the only option it may have is db=")
    found = parts.password
    user = unquote(parts.username) if parts.username else None
    secret = unquote(found) if found is not None else password
    if parts.scheme == "unix":
        if not parts.path:
            raise ConfigError("Redis URL: unix:// is followed by the path of the socket")
        db = _db(query.get("db", "0"))
        return Address(path=unquote(parts.path), username=user, password=secret, db=db)
    db = _db(parts.path.strip("/") or query.get("db", "0"))
    host = parts.hostname or "localhost"
    return Address(host, port, None, parts.scheme == "rediss", user, secret, db)


_ENCODE = "percent-encode what stands in a password (@ as %40, # as %23, / as %2F)"


def _db(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise ConfigError(f"Redis URL: the database is a number; {_ENCODE}")
    return int(text)


def _reason(error: ValueError) -> str:
    return "the port is a number" if "port" in str(error).lower() else "it can't be read"
