"""What the simulated venue can hold: `python -m bench.simulator --rate 36000 --symbols 5000`.

Starts `python -m fastopts.sim` on one core and reads it from another, without parsing: frames are
counted by a text that each holds once. Linux only (`/proc`, affinity).
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


class Counter(asyncio.Protocol):
    """Counts what arrives on all connections."""

    frames = size = reads = 0

    def data_received(self, data: bytes) -> None:
        Counter.frames += data.count(MARK)
        Counter.size += len(data)
        Counter.reads += 1


def text_frame(payload: bytes) -> bytes:
    """Return a client's frame, masked with zeros."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + bytes(4) + payload


def all_symbols(url: str) -> list[str]:
    found = []
    for coin in COINS:
        query = {"category": "option", "baseCoin": coin}
        answer = requests.get(f"{url}/v5/market/tickers", params=query, verify=False, timeout=10)
        found += [row["symbol"] for row in answer.json()["result"]["list"]]
    return found


async def connect(port: int, symbols: list[str], tls: bool) -> asyncio.WriteTransport:
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
    symbols = all_symbols(f"http{'s' * tls}://127.0.0.1:{port}")
    links = [await connect(port, symbols[n::connections], tls) for n in range(connections)]
    await asyncio.sleep(WARM_UP_S)
    cpu, size, reads, frames = cpu_s(pid), Counter.size, Counter.reads, Counter.frames
    begin = last = time.monotonic()
    counted, rates = frames, []
    while last < begin + seconds:
        await asyncio.sleep(WINDOW_S)
        now = time.monotonic()
        rates.append((Counter.frames - counted) / (now - last))
        last, counted = now, Counter.frames
        if len(rates) % 50 == 0:
            for link in links:
                link.write(text_frame(b'{"op":"ping"}'))
    passed, frames = last - begin, Counter.frames - frames
    cpu = cpu_s(pid) - cpu
    return (
        f"{len(symbols)} symbols, {connections} connections: {frames / passed:,.0f} msg/s, "
        f"{(Counter.size - size) / frames:.0f} bytes a message, "
        f"{frames / (Counter.reads - reads):.1f} messages a read; "
        f"in windows of 100 ms: {min(rates):,.0f} to {max(rates):,.0f}, "
        f"median {statistics.median(rates):,.0f}; "
        f"venue at {100 * cpu / passed:.0f} % of a core, {1e6 * cpu / frames:.1f} us a message"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="The simulator's rate and its CPU.")
    parser.add_argument("--symbols", type=int, default=5_000)
    parser.add_argument("--rate", type=float, default=36_000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    command = [sys.executable, "-m", "fastopts.sim", "--port", "0"]
    command += ["--symbols", str(options.symbols), "--rate", str(options.rate)]
    command += ["--topics-max", "100000", "--args-chars-max", "10000000"]
    command += ["--tls"] * options.tls
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venue:
        assert venue.stdout is not None
        line = venue.stdout.readline()
        print(line.strip())
        os.sched_setaffinity(venue.pid, {0})
        os.sched_setaffinity(0, {1})
        port = int(line.split("//127.0.0.1:")[1].split(";")[0])
        work = measure(venue.pid, port, options.tls, options.connections, options.seconds)
        print(asyncio.run(work))
        venue.terminate()


if __name__ == "__main__":
    main()
