"""The check of the WebSocket: one symbol is subscribed as the collector does it, and ticks."""

import asyncio
from collections.abc import Mapping
from typing import Final

import orjson

from fastopts.cli.doctor.check import Finding, green, red
from fastopts.cli.doctor.network import WAY
from fastopts.cli.output import printing
from fastopts.errors import HandshakeRefused
from fastopts.net import tls, websocket
from fastopts.net.websocket import WebSocket
from fastopts.session.clocks import wall_ms
from fastopts.venues.bybit.fields import TOPIC_PREFIX, time_ms
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.session import StreamSession, TopicRefused

__all__ = ("LIMIT_S", "SHUT_OUT", "first_tick")

CONNECT_LIMIT_S: Final = 15.0
TICK_LIMIT_S: Final = 5.0
FAREWELL_S: Final = 1.0
LIMIT_S: Final = CONNECT_LIMIT_S + TICK_LIMIT_S + 2 * FAREWELL_S
LOOK_S: Final = 0.05

SHUT_OUT: Final = "wait 10 minutes; if it is the country, only a host elsewhere helps"
_MUTE: Final = "try again; if it stays mute, something on the way holds its frames back"


async def first_tick(
    endpoints: Endpoints, symbol: str, headers: Mapping[str, str], insecure: bool
) -> Finding:
    """Connect, subscribe *symbol*, and wait for it to tick. Raises ConnectionLost."""
    messages: asyncio.Queue[bytes] = asyncio.Queue()
    is_secure = endpoints.ws_url.startswith("wss://")
    try:
        socket = await websocket.connect(
            endpoints.ws_url,
            _nothing_is_plain,
            messages.put_nowait,
            tls=tls.context(endpoints.host, insecure) if is_secure else None,
            headers=headers,
            timeout_s=CONNECT_LIMIT_S,
        )
    except HandshakeRefused as error:
        return red(str(error), SHUT_OUT if error.status == 403 else WAY)
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
                return red(f"{symbol} was refused: {event.message}", WAY)
        if socket.closed.done():
            return red(f"closed before a tick came: {socket.closed.result()}", WAY)
        message = await _next(messages)
        at_ms = _time_of_tick(message, symbol)
        if at_ms is not None:
            age = printing.duration((wall_ms() - at_ms) / 1000)
            return green(
                f"{symbol}, {age} old, {printing.duration(loop.time() - began)} after asking"
            )
        session.receive(message, loop.time())
    return red(f"it is open, but {symbol} did not tick in {TICK_LIMIT_S:g} s", _MUTE)


async def _next(messages: asyncio.Queue[bytes]) -> bytes:
    """The next message; an empty one when none comes before the session must be looked at."""
    try:
        return await asyncio.wait_for(messages.get(), LOOK_S)
    except TimeoutError:
        return b""


def _time_of_tick(message: bytes, symbol: str) -> int | None:
    """The venue's time of *message*; None when it is no tick of *symbol*."""
    try:
        told = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, dict) or told.get("topic") != TOPIC_PREFIX + symbol:
        return None
    return time_ms(told.get("ts"))


def _nothing_is_plain(view: memoryview, start: int, end: int) -> int:
    """Leave every frame to the protocol library: there will be few, and the core may be missing."""
    return ~start
