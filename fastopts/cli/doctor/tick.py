"""The check of the venue's WebSocket: subscribe one symbol as a collector does, await a tick."""

import asyncio
from collections.abc import Mapping
from typing import Final

import orjson

from fastopts import number_format
from fastopts.cli.doctor.check import Finding, green, red
from fastopts.cli.doctor.network import CHECK_NETWORK
from fastopts.errors import HandshakeRefused
from fastopts.net import tls, websocket
from fastopts.net.websocket import WebSocket
from fastopts.session.clocks import wall_ms
from fastopts.venues.bybit.fields import TOPIC_PREFIX, time_ms
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.session import StreamSession, TopicRefused

__all__ = ("BANNED", "LIMIT_S", "first_tick")

CONNECT_LIMIT_S: Final = 15.0  # several addresses, of which one may not answer
TICK_LIMIT_S: Final = 5.0  # the busiest option ticks about once a second
FAREWELL_S: Final = 1.0  # for the closing handshake
LIMIT_S: Final = CONNECT_LIMIT_S + TICK_LIMIT_S + 2 * FAREWELL_S
POLL_S: Final = 0.05  # the session may have a ping to send while no message arrives

BANNED: Final = "wait 10 minutes; if the venue does not serve the country, use a host elsewhere"
_NO_TICK: Final = "try again; if it persists, check for a proxy or firewall that delays frames"


async def first_tick(
    endpoints: Endpoints, symbol: str, headers: Mapping[str, str], insecure: bool
) -> Finding:
    """Connect, subscribe *symbol* and await a tick of it. Raises ConnectionLost."""
    messages: asyncio.Queue[bytes] = asyncio.Queue()
    is_secure = endpoints.ws_url.startswith("wss://")
    try:
        socket = await websocket.connect(
            endpoints.ws_url,
            _no_fast_path,
            messages.put_nowait,
            tls=tls.context(endpoints.host, insecure) if is_secure else None,
            headers=headers,
            timeout_s=CONNECT_LIMIT_S,
        )
    except HandshakeRefused as error:
        return red(str(error), BANNED if error.status == 403 else CHECK_NETWORK)
    try:
        return await _converse(socket, messages, symbol)
    finally:
        socket.close()
        await asyncio.wait((socket.closed,), timeout=FAREWELL_S)


async def _converse(socket: WebSocket, messages: asyncio.Queue[bytes], symbol: str) -> Finding:
    loop = asyncio.get_running_loop()
    began = loop.time()
    session = StreamSession(began)
    session.subscribe([symbol])
    while loop.time() < began + TICK_LIMIT_S:
        session.tick(loop.time())
        for message in session.data_to_send():
            socket.send_text(message)
        for event in session.take_events():
            if isinstance(event, TopicRefused):
                return red(
                    f"the subscription to {symbol} was refused: {event.message}", CHECK_NETWORK
                )
        if socket.closed.done():
            return red(f"connection closed before a tick: {socket.closed.result()}", CHECK_NETWORK)
        message = await _next(messages)
        at_ms = _time_of_tick(message, symbol)
        if at_ms is not None:
            age = number_format.duration((wall_ms() - at_ms) / 1000)
            wait = number_format.duration(loop.time() - began)
            return green(f"{symbol} ticked {wait} after the subscription; age {age}")
        session.receive(message, loop.time())
    return red(f"connected, but {symbol} did not tick within {TICK_LIMIT_S:g} s", _NO_TICK)


async def _next(messages: asyncio.Queue[bytes]) -> bytes:
    """The next message; an empty one when none arrives within POLL_S."""
    try:
        return await asyncio.wait_for(messages.get(), POLL_S)
    except TimeoutError:
        return b""


def _time_of_tick(message: bytes, symbol: str) -> int | None:
    """The venue's time of *message*; None when it is not a tick of *symbol*."""
    try:
        payload = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(payload, dict) or payload.get("topic") != TOPIC_PREFIX + symbol:
        return None
    return time_ms(payload.get("ts"))


def _no_fast_path(view: memoryview, start: int, end: int) -> int:
    """Leave every frame to the protocol library: they are few, and the core may be missing."""
    return ~start
