"""Which Redis is written to: the configured one, one on the default port, or an embedded one."""

import logging
import socket

from fastopts.config import Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import ConfigError
from fastopts.net.redis import address
from fastopts.net.redis.address import Address

__all__ = ("choose",)

log = logging.getLogger(__name__)

DEFAULT_PORT = 6379
PROBE_TIMEOUT_S = 1.0


def choose(settings: Settings, venue: str) -> tuple[Address, EmbeddedValkey | None]:
    """Return the address to write to, and the server if it was started here.

    Simulated data goes only to an embedded or a configured server: a Redis that happens to run on
    this machine must not end up with invented quotes. Raises ConfigError or StoreUnavailable.
    """
    password = settings.redis_password.reveal() if settings.redis_password else None
    if settings.redis_url is not None:
        return address.parse(settings.redis_url.reveal(), password), None
    if venue != "sim" and _accepts_connections(DEFAULT_PORT):
        return Address("localhost", DEFAULT_PORT, password=password), None
    if settings.standby:
        raise ConfigError(
            "--standby needs the server that the other collector writes to: set --redis-url"
        )
    if not settings.embedded:
        reason = (
            "no Redis is configured"
            if venue == "sim"
            else f"nothing answers at localhost:{DEFAULT_PORT}"
        )
        raise ConfigError(
            f"{reason}, and an embedded server is not allowed (--no-embedded, FASTOPTS_EMBEDDED=0):"
            " start a Redis, or set --redis-url"
        )
    server = EmbeddedValkey(0 if venue == "sim" else DEFAULT_PORT, password)
    server.start()
    log.warning(
        "no Redis is configured%s: an EMBEDDED %s runs on 127.0.0.1:%d; it ends with the"
        " collector, and its data with it",
        "" if venue == "sim" else f" and nothing answers at localhost:{DEFAULT_PORT}",
        "Valkey" if server.is_packaged else f"server ({server.program})",
        server.port,
    )
    return Address("127.0.0.1", server.port, password=password), server


def _accepts_connections(port: int) -> bool:
    try:
        with socket.create_connection(("localhost", port), PROBE_TIMEOUT_S):
            return True
    except OSError:
        return False
