"""Stream clients, a process of many: `python -m bench.serve.crowd PORT READING SILENT WISH`.

They open WebSockets and subscribe. Those who read take all that comes and count it; the silent
never read. It says when all are in, then on each line of stdin how many bytes came.
"""

import asyncio
import sys
from typing import Any, cast

import orjson
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from bench.failures import Failed, reported

SMALL = 4096  # what a silent client's kernel takes for it


class Reading(asyncio.BufferedProtocol):
    """Counts, and parses nothing."""

    received = 0

    def __init__(self) -> None:
        self._room = bytearray(1 << 18)

    def get_buffer(self, _: int) -> bytearray:
        return self._room

    def buffer_updated(self, size: int) -> None:
        Reading.received += size


async def join(port: int, wish: dict[str, Any], is_silent: bool) -> None:
    """One client: the handshake, the subscription, then nothing more is said."""
    protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/v1/stream"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=SMALL)
    protocol.send_request(protocol.connect())
    writer.write(b"".join(protocol.data_to_send()))
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        raise Failed(head.decode(errors="replace"))
    protocol.receive_data(head)
    protocol.send_text(orjson.dumps({"op": "subscribe", "id": "a", **wish}))
    writer.write(b"".join(protocol.data_to_send()))
    await writer.drain()
    transport = cast("asyncio.Transport", writer.transport)
    if is_silent:
        transport.pause_reading()
    else:
        transport.set_protocol(Reading())
    _kept.append(writer)


_kept: list[asyncio.StreamWriter] = []


async def main(words: list[str]) -> None:
    port, reading, silent = map(int, words[:3])
    wish = orjson.loads(words[3])
    for number in range(reading + silent):
        await join(port, wish, number >= reading)
    print("{}", flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(orjson.dumps({"bytes": Reading.received}).decode(), flush=True)


if __name__ == "__main__":
    reported(lambda: asyncio.run(main(sys.argv[1:])))
