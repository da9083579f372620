"""A connected TCP socket."""

import asyncio
import socket

from fastopts.net.threads import in_daemon_thread

__all__ = ("dial",)

# A black hole, such as IPv6 that leads nowhere, must leave the next address its turn.
ADDRESS_TIMEOUT_S = 5.0


async def dial(host: str, port: int) -> socket.socket:
    """Connect to the first of *host*'s addresses that answers. Raises OSError of the last one."""
    loop = asyncio.get_running_loop()
    try:
        # Not the loop's way: its threads are few, and an exit waits for them.
        found = await in_daemon_thread(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    except UnicodeError:
        raise OSError(f"{host!r} is no host name") from None
    failure: OSError | None = None
    for family, kind, protocol, _, address in found:
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:  # a kernel without IPv6
            failure = error
            continue
        try:
            sock.setblocking(False)
            async with asyncio.timeout(ADDRESS_TIMEOUT_S):
                await loop.sock_connect(sock, address)
        except OSError as error:  # a timeout is one
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure or OSError(f"{host} has no address")
