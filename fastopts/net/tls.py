"""TLS to the venue and to the database: always verified, but for a loopback peer if so told."""

import ssl

import certifi

from fastopts.errors import ConfigError
from fastopts.net.proxy import is_loopback

__all__ = ("context",)


def context(host: str, insecure: bool) -> ssl.SSLContext:
    """Return a context that trusts the system's roots and Mozilla's.

    *insecure* accepts any certificate. Raises ConfigError when *host* is then not loopback.
    """
    made = ssl.create_default_context()
    made.load_verify_locations(certifi.where())
    if insecure:
        if not is_loopback(host):
            raise ConfigError(f"--insecure is for loopback only, not for {host}")
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
