"""HTTP proxies from the environment: the same for REST and WebSocket, never for loopback."""

import asyncio
import base64
import re
import socket
import urllib.request
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from fastopts.errors import ConfigError, ConnectionLost
from fastopts.hosts import is_loopback
from fastopts.net.dial import dial

__all__ = ("find", "reach", "tunnel")

HEADERS_SIZE_MAX = 16 * 1024
_NOT_IN_URLS = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")


def find(url: str) -> str | None:
    """Return the proxy that the environment names for *url*, None for a direct connection.

    HTTPS_PROXY applies to https and wss, HTTP_PROXY to http and ws; hosts in NO_PROXY are reached
    directly. Raises ConfigError for anything but an HTTP proxy.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    name = "https" if parts.scheme in ("https", "wss") else "http"
    proxy_url = proxies.get(name, "").strip()
    if not proxy_url:
        return None
    if "://" not in proxy_url:
        proxy_url = f"http://{proxy_url}"
    if not _is_plain(proxy_url):
        raise ConfigError(
            "the proxy in the environment is malformed: write http://[user:password@]host:port,"
            " with special characters of a password percent-encoded"
        )
    if urlsplit(proxy_url).scheme != "http":
        raise ConfigError(
            f"{parts.scheme}://{host} would go through {_shown(proxy_url)}: only http:// proxies"
            " are supported; add the host to NO_PROXY for a direct connection"
        )
    return proxy_url


def _is_plain(proxy_url: str) -> bool:
    """Whether *proxy_url* can be read in one way only: another reading may name another host."""
    try:
        parts = urlsplit(proxy_url)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    has_rest = parts.path not in ("", "/") or parts.query or "#" in proxy_url
    return is_complete and not has_rest and not _NOT_IN_URLS.search(proxy_url)


async def reach(url: str, host: str, port: int) -> socket.socket:
    """Return a socket connected to *host*, through the proxy for *url* if there is one."""
    proxy_url = find(url)
    return await (dial(host, port) if proxy_url is None else tunnel(proxy_url, host, port))


async def tunnel(proxy_url: str, host: str, port: int) -> socket.socket:
    """Return a socket connected to *host* through the HTTP proxy at *proxy_url* (CONNECT)."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(proxy_url)
    sock = await dial(parts.hostname or "", parts.port or 80)
    try:
        await loop.sock_sendall(sock, _request(proxy_url, host, port))
        response = await _read_headers(sock)
        if not response.endswith(b"\r\n\r\n"):
            _refuse(proxy_url, f"{host}:{port}: incomplete response")
        status = response.split(b"\r\n", 1)[0].split(b" ", 1)[-1]
        if not status.startswith(b"200"):
            _refuse(proxy_url, f"{host}:{port}: {status.decode('latin-1')[:100]}")
    except BaseException:
        sock.close()
        raise
    return sock


def _request(proxy_url: str, host: str, port: int) -> bytes:
    parts = urlsplit(proxy_url)
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(user.encode()).decode()}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read_headers(sock: socket.socket) -> bytes:
    headers = b""
    while not headers.endswith(b"\r\n\r\n"):
        # One byte at a time: the bytes behind the headers belong to the tunnel.
        byte = await asyncio.get_running_loop().sock_recv(sock, 1)
        headers += byte
        if not byte or len(headers) > HEADERS_SIZE_MAX:
            break
    return headers


def _refuse(proxy_url: str, reason: str) -> NoReturn:
    raise ConnectionLost(f"proxy {_shown(proxy_url)} refused {reason}")


def _shown(proxy_url: str) -> str:
    parts = urlsplit(proxy_url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
