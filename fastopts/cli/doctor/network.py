"""Checks of the network to a host: its name and its certificate."""

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

__all__ = ("CHECK_NETWORK", "certificate", "name")

CHECK_NETWORK: Final = "check the firewall between this host and that one, or set HTTPS_PROXY"
DAYS_ENOUGH: Final = 7  # venues renew certificates weeks before they expire
CERTIFICATE_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED


async def name(url: str) -> Finding:
    """Check that the name of the host in *url* resolves; behind a proxy the proxy resolves it."""
    host = urlsplit(url).hostname or ""
    proxy_url = proxy.find(url)
    if proxy_url is not None:
        return green(f"{host}: resolved by the proxy {urlsplit(proxy_url).hostname}")
    try:
        # not in the loop's own executor: that is joined at exit, and getaddrinfo can't be
        # cancelled, so a slow resolver would delay the end of the program
        replies = await in_daemon_thread(lambda: socket.getaddrinfo(host, None))
    except (OSError, UnicodeError) as error:
        return red(f"{host}: {error}", "check the name, and the resolver of this host")
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in replies))
    more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
    return green(f"{host}: {addresses[0]}{more}")


async def certificate(url: str, insecure: bool) -> Finding:
    """Check the certificate of the host in *url*."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme in ("http", "ws"):
        summary = f"{host}: no TLS ({parts.scheme}://)"
        if is_loopback(host):
            return green(summary)
        return yellow(summary, f"use {parts.scheme}s://: without TLS, others can change prices")
    context = tls.context(host, insecure)
    try:
        verified = await _verified(url, host, parts.port or 443, context)
    except ssl.SSLCertVerificationError as error:
        return _untrusted(host, error)
    except OSError as error:
        return red(f"{host}: {error}", CHECK_NETWORK)
    if not verified:
        return yellow(f"{host}: not verified (--insecure)", "remove --insecure")
    return _judge_expiry(host, verified["notAfter"])


async def _verified(url: str, host: str, port: int, context: ssl.SSLContext) -> Mapping[str, Any]:
    """The certificate; empty when *context* does not verify it."""
    sock = await proxy.reach(url, host, port)
    _, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=host)
    peer: Mapping[str, Any] = writer.get_extra_info("peercert")
    writer.close()
    with contextlib.suppress(OSError):  # the certificate is here, how the host closes is no matter
        await writer.wait_closed()
    return peer


def _untrusted(host: str, error: ssl.SSLCertVerificationError) -> Finding:
    summary = f"{host}: {error.verify_message}"
    if error.verify_code == CERTIFICATE_EXPIRED:
        return red(summary, "check the clock of this host; if it is right, the venue must renew it")
    if is_loopback(host):
        return red(summary, "accept a certificate of your own with --insecure")
    return red(
        summary, "exempt this host from TLS inspection by a proxy; do not accept this certificate"
    )


def _judge_expiry(host: str, not_after: str) -> Finding:
    days = (ssl.cert_time_to_seconds(not_after) - time.time()) / 86_400
    summary = f"{host}: verified, valid for {days:.0f} days"
    if days < DAYS_ENOUGH:
        return yellow(summary, "expect an outage: the venue must renew it")
    return green(summary)
