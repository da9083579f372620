"""A connected TCP socket."""

import asyncio
import socket

from fastopts.net.threads import in_daemon_thread

__all__ = ("dial",)

# An address that swallows packets, such as IPv6 without a route, must leave time for the next one.
ADDRESS_TIMEOUT_S = 5.0


async def dial(host: str, port: int) -> socket.socket:
    """Connect to the first address of *host* that answers. Raises the OSError of the last one."""
    loop = asyncio.get_running_loop()
    try:
        # Not loop.getaddrinfo: the default executor has few threads, which a hanging resolver would
        # occupy, and the exit of the process waits for them.
        infos = await in_daemon_thread(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    except UnicodeError:
        raise OSError(f"{host!r} is not a host name") from None
    failure: OSError | None = None
    for family, kind, protocol, _, address in infos:
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:  # a kernel without IPv6
            failure = error
            continue
        try:
            sock.setblocking(False)
            async with asyncio.timeout(ADDRESS_TIMEOUT_S):
                await loop.sock_connect(sock, address)
        except OSError as error:  # TimeoutError is a subclass
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure or OSError(f"{host} has no address")
