"""Which Redis is written to: the one that was named, the usual one, or one of our own."""

import logging
import socket

from fastopts.config import Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import ConfigError
from fastopts.net.redis import address
from fastopts.net.redis.address import Address

__all__ = ("choose",)

log = logging.getLogger(__name__)

USUAL_PORT = 6379
PROBE_TIMEOUT_S = 1.0


def choose(settings: Settings, venue: str) -> tuple[Address, EmbeddedValkey | None]:
    """Return the address to write to, and the server if it was started here.

    Simulated data goes only into a server that was started here or named. Raises ConfigError or
    StoreUnavailable.
    """
    password = settings.redis_password.reveal() if settings.redis_password else None
    if settings.redis_url is not None:
        return address.parse(settings.redis_url.reveal(), password), None
    if venue != "sim" and _answers(USUAL_PORT):
        return Address("localhost", USUAL_PORT, password=password), None
    if settings.standby:
        raise ConfigError(
            "--standby waits at a server that another collector writes to: name it with --redis-url"
        )
    if not settings.embedded:
        where = (
            "no Redis was named" if venue == "sim" else f"nothing answers at localhost:{USUAL_PORT}"
        )
        raise ConfigError(
            f"{where}, and no embedded server is allowed (--no-embedded, FASTOPTS_EMBEDDED=0):"
            " start a Redis, or name one with --redis-url"
        )
    server = EmbeddedValkey(0 if venue == "sim" else USUAL_PORT, password)
    server.start()
    log.warning(
        "no Redis was named%s: an EMBEDDED %s runs on 127.0.0.1:%d; it ends, and its data with"
        " it, when the collector does",
        "" if venue == "sim" else " and none answers at localhost:6379",
        "Valkey" if server.is_packaged else f"server ({server.program})",
        server.port,
    )
    return Address("127.0.0.1", server.port, password=password), server


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("localhost", port), PROBE_TIMEOUT_S):
            return True
    except OSError:
        return False
