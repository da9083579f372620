"""Stream clients, many in one process.

    python -m bench.serve.stream_clients PORT READING SILENT SELECTION

They open WebSockets and subscribe to SELECTION. READING of them receive and count everything, the
SILENT ones never read. The process prints a line when all have subscribed, then for each line of
stdin the number of bytes received so far.
"""

import asyncio
import sys
from typing import Any, cast

import orjson
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from bench.failures import Failed, reported

SMALL = 4096  # read limit: a silent client buffers little beyond its socket


class Reading(asyncio.BufferedProtocol):
    """Counts bytes of all clients, and parses nothing."""

    # 200 clients share a core with the probe: parsing would measure the clients instead.
    received = 0

    def __init__(self) -> None:
        self._buffer = bytearray(1 << 18)

    def get_buffer(self, _: int) -> bytearray:
        """Return the same buffer for every read: the contents are not used."""
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        """Count *size* bytes."""
        Reading.received += size


async def join(port: int, selection: dict[str, Any], is_silent: bool) -> None:
    """Connect and subscribe one client, which sends nothing more. Raises Failed."""
    protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/v1/stream"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=SMALL)
    protocol.send_request(protocol.connect())
    writer.write(b"".join(protocol.data_to_send()))
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        raise Failed(head.decode(errors="replace"))
    protocol.receive_data(head)
    protocol.send_text(orjson.dumps({"op": "subscribe", "id": "a", **selection}))
    writer.write(b"".join(protocol.data_to_send()))
    await writer.drain()
    transport = cast("asyncio.Transport", writer.transport)
    if is_silent:
        transport.pause_reading()
    else:
        transport.set_protocol(Reading())
    _writers.append(writer)


_writers: list[asyncio.StreamWriter] = []  # a writer that is garbage-collected closes


async def main(arguments: list[str]) -> None:
    """Connect the clients one after the other; then answer requests for the byte count."""
    port, reading, silent = map(int, arguments[:3])
    selection = orjson.loads(arguments[3])
    for number in range(reading + silent):
        await join(port, selection, number >= reading)
    print("{}", flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(orjson.dumps({"bytes": Reading.received}).decode(), flush=True)


if __name__ == "__main__":
    reported(lambda: asyncio.run(main(sys.argv[1:])))
