"""What a server is told, checked before it starts."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from fastopts.errors import ConfigError
from fastopts.hosts import is_loopback
from fastopts.serve.http.clients import Network, networks
from fastopts.serve.http.prefix import is_prefix
from fastopts.serve.http.tokens import Tokens

__all__ = ("Limits", "ServeSettings")

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, and all of them together, may cost."""

    connections: int = 1000
    connections_each: int = 500  # of one address
    requests_s: float = 5000.0  # of one address; the double at once
    failures_minute: int = 20  # wrong tokens of one address; more are not looked at
    request_s: float = 10.0  # from the first byte of a request to its last
    url_bytes: int = 8192
    header_bytes: int = 16384
    stall_s: float = 20.0  # who takes nothing for so long is cut off
    streams: int = 500
    streams_each: int = 250  # of one client: a token at an address, else the address
    subscriptions: int = 32  # of one stream
    message_bytes: int = 65536
    messages_s: float = 20.0  # from one stream; the double at once
    scans: int = 64  # different ones, of all streams
    scans_each: int = 32  # opened by one client
    symbols: int = 200_000  # of all subscriptions together
    symbols_each: int = 100_000  # of those that one client opened


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where a server listens and whom it answers.

    *hosts* and *origins* are allowed beside those of the address it binds to; *cors* are origins of
    other sites whose scripts may read answers; *trusted_proxies* are addresses and networks whose
    X-Forwarded-For, Forwarded and X-Forwarded-Prefix count.
    """

    bind: tuple[str, ...] = ("127.0.0.1",)
    port: int = 8050
    tokens: Tokens | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    root_path: str = ""  # that everything is under: /fastopts
    ready_share: float = 0.9
    ready_age_s: float = 10.0
    beat_s: float = 0.2
    limits: Limits = field(default_factory=Limits)
    version: str = ""  # of the package, for the API's document

    def check(self) -> None:
        """Raise ConfigError for what can't be meant, or would let anyone in."""
        networks(self.trusted_proxies)
        if not self.bind:
            raise ConfigError("--bind: name an address to listen on, such as 127.0.0.1")
        for address in self.bind:
            if not is_loopback(address) and self.tokens is None:
                raise ConfigError(
                    f"--bind {address}: another address than loopback needs tokens: --tokens FILE"
                )
        if self.root_path and not is_prefix(self.root_path):
            raise ConfigError(
                f"--root-path {self.root_path}: write a path such as /fastopts, no slash at its end"
            )
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"--port {self.port}: write a number from 0 to 65535")
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise ConfigError(f"--allow-host {host}: write a name as options.example, no port")
        for name, origins in (("--allow-origin", self.origins), ("--cors", self.cors)):
            for origin in origins:
                _check_origin(name, origin)
        if not 0 <= self.ready_share <= 1:
            raise ConfigError(f"--ready-share {self.ready_share:g}: write 0.9 or 90%")
        if not self.ready_age_s > 0:
            raise ConfigError(f"--ready-age {self.ready_age_s:g}: write seconds above 0")

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The trusted proxies, parsed. Raises ConfigError."""
        return networks(self.trusted_proxies)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """The names in a Host header that are answered, without ports."""
        own = (f"[{address}]" if ":" in address else address for address in self.bind)
        return frozenset((*LOOPBACK_NAMES, *own, *self.hosts))


def _check_origin(name: str, origin: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}":
        raise ConfigError(f"{name} {origin}: write it as https://desk.example, without a path")
    if not parts.netloc or "*" in origin or "@" in origin:
        raise ConfigError(f"{name} {origin}: write one exact origin")
