"""The simulator's maximum rate: `python -m bench.simulator --rate 36000 --symbols 5000`.

Starts `python -m fastopts.sim` on one core and reads its streams on another, without parsing:
frames are counted by a text that each contains once. Linux only (`/proc`, affinity).
"""

import argparse
import asyncio
import json
import os
import ssl
import statistics
import subprocess
import sys
import time

import requests

from bench.frames import COINS
from bench.measure import cpu_s

MARK = b'"type":"snapshot"'
HANDSHAKE = (
    b"GET /v5/public/option HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)
WARM_UP_S = 3.0
WINDOW_S = 0.1
PING_WINDOWS = 50  # a ping every 5 s, as clients must send


class Counter(asyncio.Protocol):
    """Counts the frames, bytes and reads of all connections."""

    frames = size = reads = 0

    def data_received(self, data: bytes) -> None:
        """Count one read; a mark split over two reads is lost, which is rare and harmless."""
        Counter.frames += data.count(MARK)
        Counter.size += len(data)
        Counter.reads += 1


def text_frame(payload: bytes) -> bytes:
    """Return a client's text frame, masked with zeros (a payload below 64 KiB)."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + bytes(4) + payload


def all_symbols(url: str) -> list[str]:
    """Return the symbols of all coins, from REST."""
    symbols = []
    for coin in COINS:
        query = {"category": "option", "baseCoin": coin}
        response = requests.get(f"{url}/v5/market/tickers", params=query, verify=False, timeout=10)
        symbols += [row["symbol"] for row in response.json()["result"]["list"]]
    return symbols


async def connect(port: int, symbols: list[str], tls: bool) -> asyncio.WriteTransport:
    """Open a connection and subscribe *symbols*; responses are counted, not checked."""
    context = None
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(Counter, "127.0.0.1", port, ssl=context)
    transport.write(HANDSHAKE)
    await asyncio.sleep(0.05)
    for start in range(0, len(symbols), 200):
        args = [f"tickers.{symbol}" for symbol in symbols[start : start + 200]]
        transport.write(text_frame(json.dumps({"op": "subscribe", "args": args}).encode()))
    return transport


async def measure(pid: int, port: int, tls: bool, connections: int, seconds: float) -> str:
    """Read *connections* streams for *seconds*; return the figures as text."""
    symbols = all_symbols(f"http{'s' * tls}://127.0.0.1:{port}")
    links = [await connect(port, symbols[n::connections], tls) for n in range(connections)]
    await asyncio.sleep(WARM_UP_S)
    cpu, size, reads, frames = cpu_s(pid), Counter.size, Counter.reads, Counter.frames
    begin = last = time.monotonic()
    last_frames, rates = frames, []
    while last < begin + seconds:
        await asyncio.sleep(WINDOW_S)
        now = time.monotonic()
        rates.append((Counter.frames - last_frames) / (now - last))
        last, last_frames = now, Counter.frames
        if len(rates) % PING_WINDOWS == 0:
            for link in links:
                link.write(text_frame(b'{"op":"ping"}'))
    elapsed_s, frames = last - begin, Counter.frames - frames
    cpu = cpu_s(pid) - cpu
    return (
        f"{len(symbols)} symbols, {connections} connections: {frames / elapsed_s:,.0f} msg/s, "
        f"{(Counter.size - size) / frames:.0f} bytes per message, "
        f"{frames / (Counter.reads - reads):.1f} messages per read; "
        f"in windows of 100 ms: {min(rates):,.0f} to {max(rates):,.0f}, "
        f"median {statistics.median(rates):,.0f}; "
        f"venue: {100 * cpu / elapsed_s:.0f} % of a core, {1e6 * cpu / frames:.1f} us per message"
    )


def main() -> None:
    """Run the simulator and measure it, with the options of the command line."""
    parser = argparse.ArgumentParser(description="Measure the simulator's rate and CPU.")
    parser.add_argument("--symbols", type=int, default=5_000)
    parser.add_argument("--rate", type=float, default=36_000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    command = [sys.executable, "-m", "fastopts.sim", "--port", "0"]
    command += ["--symbols", str(options.symbols), "--rate", str(options.rate)]
    # Without the venue's limits per connection: the number of connections is a parameter here.
    command += ["--topics-max", "100000", "--args-chars-max", "10000000"]
    command += ["--tls"] * options.tls
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venue:
        assert venue.stdout is not None
        line = venue.stdout.readline()
        print(line.strip())
        # Apart, so that reading does not take CPU from the simulator.
        os.sched_setaffinity(venue.pid, {0})
        os.sched_setaffinity(0, {1})
        port = int(line.split("//127.0.0.1:")[1].split(";")[0])
        work = measure(venue.pid, port, options.tls, options.connections, options.seconds)
        print(asyncio.run(work))
        venue.terminate()


if __name__ == "__main__":
    main()
