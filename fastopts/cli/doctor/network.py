"""Checks of the network on the way to a host: its name and its certificate."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from fastopts.cli.doctor.check import Finding, green, red, yellow
from fastopts.hosts import is_loopback
from fastopts.net import proxy, tls
from fastopts.net.threads import in_daemon_thread

__all__ = ("WAY", "certificate", "name")

WAY: Final = "look at the firewall on the way there, or set HTTPS_PROXY; then try again"
DAYS_ENOUGH: Final = 7
CERTIFICATE_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED


async def name(url: str) -> Finding:
    """Whether the name of the host in *url* resolves."""
    host = urlsplit(url).hostname or ""
    named = proxy.find(url)
    if named is not None:
        return green(f"{host}: left to the proxy {urlsplit(named).hostname}")
    try:
        # not the loop's own pool: a slow resolver would hold up the end of the program
        found = await in_daemon_thread(lambda: socket.getaddrinfo(host, None))
    except (OSError, UnicodeError) as error:
        return red(f"{host}: {error}", "look at the name, and at this host's resolver")
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
    return green(f"{host}: {addresses[0]}{more}")


async def certificate(url: str, insecure: bool) -> Finding:
    """Whether the host in *url* proves who it is."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme in ("http", "ws"):
        words = f"{host}: none, as {parts.scheme}:// says"
        if is_loopback(host):
            return green(words)
        return yellow(words, f"use {parts.scheme}s://: anybody on the way can change prices")
    context = tls.context(host, insecure)
    try:
        shown = await _shown(url, host, parts.port or 443, context)
    except ssl.SSLCertVerificationError as error:
        return _untrusted(host, error)
    except OSError as error:
        return red(f"{host}: {error}", WAY)
    if not shown:
        return yellow(f"{host}: not verified (--insecure)", "leave --insecure out")
    return _judge_age(host, shown["notAfter"])


async def _shown(url: str, host: str, port: int, context: ssl.SSLContext) -> Mapping[str, Any]:
    """The certificate; empty when *context* did not verify it."""
    sock = await proxy.reach(url, host, port)
    _, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=host)
    shown: Mapping[str, Any] = writer.get_extra_info("peercert")
    writer.close()
    with contextlib.suppress(OSError):  # it has told all it was asked
        await writer.wait_closed()
    return shown


def _untrusted(host: str, error: ssl.SSLCertVerificationError) -> Finding:
    words = f"{host}: {error.verify_message}"
    if error.verify_code == CERTIFICATE_EXPIRED:
        return red(words, "if the clock of this host is right, only the venue can renew it")
    if is_loopback(host):
        return red(words, "if it is your own: --insecure")
    return red(words, "a proxy that opens TLS must leave this host alone; accept no other word")


def _judge_age(host: str, not_after: str) -> Finding:
    days = (ssl.cert_time_to_seconds(not_after) - time.time()) / 86_400
    words = f"{host}: verified, good for {days:.0f} days"
    if days < DAYS_ENOUGH:
        return yellow(words, "only the venue can renew it: expect an outage")
    return green(words)
