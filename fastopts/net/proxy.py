"""Proxies from the environment: the same answer for REST and WebSocket, and none for loopback."""

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

ANSWER_SIZE_MAX = 16 * 1024
_NOT_IN_URLS = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")


def find(url: str) -> str | None:
    """Return the proxy that the environment names for *url*, None when it goes there directly.

    HTTPS_PROXY serves https and wss, HTTP_PROXY the plain schemes; NO_PROXY is heard. Raises
    ConfigError for a proxy that is not an HTTP proxy.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    found = proxies.get("https" if parts.scheme in ("https", "wss") else "http", "").strip()
    if not found:
        return None
    if "://" not in found:
        found = f"http://{found}"
    named = urlsplit(found) if _is_plain(found) else None
    if named is None:
        raise ConfigError(
            "the proxy in the environment has no host and port that can be read: it is"
            " http://[user:password@]host:port, what is special in a password percent-encoded"
        )
    if named.scheme != "http":
        raise ConfigError(
            f"{parts.scheme}://{host} would go through {_shown(found)}: only http:// proxies are"
            " supported; add the host to NO_PROXY to go there directly"
        )
    return found


def _is_plain(proxy_url: str) -> bool:
    """Whether there is but one way to read it: any other might lead to another host."""
    try:
        parts = urlsplit(proxy_url)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    has_rest = parts.path not in ("", "/") or parts.query or "#" in proxy_url
    return is_complete and not has_rest and not _NOT_IN_URLS.search(proxy_url)


async def reach(url: str, host: str, port: int) -> socket.socket:
    """Return a socket connected to *host*, through the proxy for *url* where there is one."""
    named = find(url)
    return await dial(host, port) if named is None else await tunnel(named, host, port)


async def tunnel(proxy_url: str, host: str, port: int) -> socket.socket:
    """Return a socket connected to *host* through the HTTP proxy at *proxy_url* (CONNECT)."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(proxy_url)
    sock = await dial(parts.hostname or "", parts.port or 80)
    try:
        await loop.sock_sendall(sock, _request(proxy_url, host, port))
        answer = await _headers(sock)
        if not answer.endswith(b"\r\n\r\n"):
            _refuse(proxy_url, f"{host}:{port}: its answer breaks off")
        status = answer.split(b"\r\n", 1)[0].split(b" ", 1)[-1]
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


async def _headers(sock: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        # One byte at a time: what follows the headers belongs to the tunnel.
        byte = await asyncio.get_running_loop().sock_recv(sock, 1)
        answer += byte
        if not byte or len(answer) > ANSWER_SIZE_MAX:
            break
    return answer


def _refuse(proxy_url: str, words: str) -> NoReturn:
    raise ConnectionLost(f"proxy {_shown(proxy_url)} refused {words}")


def _shown(proxy_url: str) -> str:
    parts = urlsplit(proxy_url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
