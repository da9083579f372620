"""Server settings and limits, validated before the server starts."""

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

# A DNS name (RFC 1035, section 2.3.4: 253 characters) or an IPv6 address in brackets.
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, and all of them together, may cost.

    Sized for a desk on a server of 2 cores: one client can take half of a limit, so that a faulty
    script does not lock out everyone else.
    """

    connections: int = 1000  # one descriptor and 32 kB of write buffer each
    connections_each: int = 500  # per address
    requests_s: float = 5000.0  # per client; twice as many in a burst
    failures_minute: int = 20  # wrong tokens per address; further ones are refused unchecked
    request_s: float = 10.0  # from the first byte of a request to its last
    url_bytes: int = 8192  # what proxies accept by default (nginx: 8 KiB a header line)
    header_bytes: int = 16384
    stall_s: float = 20.0  # a client that reads nothing for so long is closed
    streams: int = 500
    streams_each: int = 250  # per client: a token at an address, else the address
    subscriptions: int = 32  # per stream
    message_bytes: int = 65536  # of a client's WebSocket message: 2,000 symbols are 56 kB
    messages_s: float = 20.0  # per stream; twice as many in a burst
    # Different scans, expiries, smiles and surfaces of all streams: each is computed each second.
    scans: int = 64
    scans_each: int = 32  # opened by one client
    symbols: int = 200_000  # of all subscriptions together
    symbols_each: int = 100_000  # of the subscriptions that one client opened


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where the server listens, and which requests it accepts.

    *hosts* and *origins* are accepted besides those of the address it binds to; *cors* are origins
    of other sites whose scripts may read responses; *trusted_proxies* are addresses and networks
    whose X-Forwarded-For, Forwarded and X-Forwarded-Prefix count. Call `check` before using them.
    """

    bind: tuple[str, ...] = ("127.0.0.1",)
    port: int = 8050
    tokens: Tokens | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    root_path: str = ""  # prefix of all paths: /fastopts
    ready_share: float = 0.9  # of the listed options, for /ready
    ready_age_s: float = 10.0  # of the newest tick, for /ready
    beat_s: float = 0.2  # between two messages of a subscription
    limits: Limits = field(default_factory=Limits)
    version: str = ""  # of the package, for the OpenAPI document

    def check(self) -> None:
        """Raise ConfigError for an invalid setting, or one that gives everyone access."""
        networks(self.trusted_proxies)
        self._check_address()
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise ConfigError(
                    f"--allow-host {host}: write a host name without a port, such as"
                    " options.example"
                )
        for name, origins in (("--allow-origin", self.origins), ("--cors", self.cors)):
            for origin in origins:
                _check_origin(name, origin)
        if not 0 <= self.ready_share <= 1:
            raise ConfigError(
                f"--ready-share {self.ready_share:g}: write a share such as 0.9 or 90%"
            )
        if not self.ready_age_s > 0:
            raise ConfigError(f"--ready-age-s {self.ready_age_s:g}: write seconds above 0")

    def _check_address(self) -> None:
        if not self.bind:
            raise ConfigError("--bind: name an address to listen on, such as 127.0.0.1")
        for address in self.bind:
            if not is_loopback(address) and self.tokens is None:
                raise ConfigError(
                    f"--bind {address}: an address other than loopback needs tokens; add"
                    " --tokens FILE"
                )
        if self.root_path and not is_prefix(self.root_path):
            raise ConfigError(
                f"--root-path {self.root_path}: write a path such as /fastopts, without a trailing"
                " slash"
            )
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"--port {self.port}: write a number from 0 to 65535")

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The trusted proxies, parsed. Raises ConfigError."""
        return networks(self.trusted_proxies)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """The accepted names in a Host header, without ports."""
        own = (f"[{address}]" if ":" in address else address for address in self.bind)
        return frozenset((*LOOPBACK_NAMES, *own, *self.hosts))


def _check_origin(name: str, origin: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}":
        raise ConfigError(
            f"{name} {origin}: write an origin without a path, such as https://desk.example"
        )
    if not parts.netloc or "*" in origin or "@" in origin:
        raise ConfigError(f"{name} {origin}: write one exact origin, without wildcards or users")
