"""One message in many spellings, and what stands between messages."""

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastopts.core import IMPLEMENTATION
from fastopts.embedded import EmbeddedValkey
from tests.faults.dc.frames import NAMES, names, with_raw
from tests.support.oracle import expected_hash
from tests.support.payloads import dump
from tests.support.scripted_venue import CALL, PUT, ScriptedVenueHarness, scripted_collector

Frame = dict[str, Any]


async def tell_in(
    harness: ScriptedVenueHarness, spell: Callable[[Frame], bytes], symbols: list[str]
) -> None:
    """Each symbol gets a tick as *spell* writes it; each must be taken as if it were plain."""
    frames = [harness.venue.ticker(symbol, markPrice=str(n)) for n, symbol in enumerate(symbols)]
    await harness.push(*(spell(frame) for frame in frames))
    for symbol, frame in zip(symbols, frames, strict=True):
        assert expected_hash(frame).items() <= harness.held(symbol).items()


async def test_DC_13_a_key_that_stands_twice_rejects_the_message(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        before = harness.held()
        keys = ("topic", "ts", "type", "id", "data", "symbol", *NAMES)
        for count, key in enumerate(keys, 1):
            frame = harness.venue.ticker(markPrice="666")
            value = frame["data"].get(key, frame.get(key))
            twice = f'"{key}":{json.dumps(value)},"{key}":'.encode()
            message = dump(frame).replace(f'"{key}":'.encode(), twice, 1)
            await harness.push(message, harness.venue.ticker(PUT))
            assert harness.table.rejected["duplicate_key"] == count
        assert harness.held() == before
        frame = harness.venue.ticker()
        # one that does not matter may
        await harness.push(dump(frame).replace(b'"ts"', b'"x":1,"x":2,"ts"'))
        assert expected_hash(frame).items() <= harness.held().items()


async def test_DC_14_the_order_of_keys_means_nothing(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    orders = list(itertools.permutations(("topic", "ts", "type", "id", "data")))
    symbols = names(len(orders))
    luck = random.Random(14)

    def spell(frame: Frame) -> bytes:
        inner = list(frame["data"].items())
        luck.shuffle(inner)
        order = orders[symbols.index(frame["data"]["symbol"])]
        return dump({key: dict(inner) if key == "data" else frame[key] for key in order})

    async with scripted_collector(tmp_path, shared_valkey, *symbols) as harness:
        for _ in range(3):
            await tell_in(harness, spell, symbols)
        if IMPLEMENTATION == "compiled":
            assert harness.table.general == 2  # a pong and an ack: all ticks took the fast path


def escaped(text: str) -> bytes:
    return "".join(f"\\u{ord(character):04x}" for character in text).encode()


def all_escaped(frame: Frame) -> bytes:
    """Every string, names too, in escapes alone."""
    message = dump(frame)
    parts = message.split(b'"')
    parts[1::2] = [escaped(part.decode()) for part in parts[1::2]]
    return b'"'.join(parts)


SPELLINGS: dict[str, Callable[[Frame], bytes]] = {
    "indented": lambda frame: json.dumps(frame, indent=2).encode(),
    "all the spaces": lambda frame: (
        b" \n" + json.dumps(frame, separators=(" ,\t", "\r: ")).encode()
    ),
    "symbol in escapes": lambda frame: dump(frame).replace(b'"BTC', b'"\\u0042TC'),
    "everything in escapes": all_escaped,
    "a slash in escapes": lambda frame: dump(frame | {"more": "@"}).replace(b"@", b"\\/\\b\\t"),
    "other alphabets": lambda frame: json.dumps(
        frame | {"m": "\u4e2d\U0001f600"}, ensure_ascii=False
    ).encode(),
    "half a pair elsewhere": lambda frame: dump(frame | {"more": "@"}).replace(b"@", b"\\ud800"),
    "time in quotes": lambda frame: dump(frame | {"ts": str(frame["ts"])}),
}


@pytest.mark.parametrize("how", SPELLINGS)
async def test_DC_15_another_spelling_is_the_same_message(
    tmp_path: Path, shared_valkey: EmbeddedValkey, how: str
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        await tell_in(harness, SPELLINGS[how], [CALL, PUT])


async def test_DC_15_a_byte_order_mark_is_no_json(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        frame = harness.venue.ticker()
        await harness.push(b"\xef\xbb\xbf" + dump(frame), frame)
        assert harness.table.rejected["not_json"] == 1


async def test_DC_15_escapes_in_a_number_are_its_characters(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        await harness.push(with_raw(harness.venue.ticker(), "markPrice", b'"1\\u0032.\\u0035"'))
        assert harness.held()["mp"] == "12.5"


CONTROL: tuple[Any, ...] = (
    {"args": ["1795000000000"], "op": "pong"},
    {"op": "pong"},
    {"ret_msg": "pong", "success": True, "op": "ping", "conn_id": "c"},
    {"success": True, "conn_id": "c", "data": {"failTopics": [], "successTopics": []}},
    {"success": True, "ret_msg": "", "op": "subscribe", "req_id": "", "conn_id": "c"},
    {"success": False, "ret_msg": "already subscribed", "conn_id": "c", "type": "COMMAND_RESP"},
    {"success": False, "ret_msg": "error:invalid op", "request": {"op": "x", "args": None}},
    {"topic": "system.status", "ts": 1, "data": [{"state": "ongoing"}]},
    {"topic": "publicTrade.BTC", "ts": 1, "type": "snapshot", "data": [{"p": "1"}]},
    {"op": "auth", "success": True},
    # about a ticker, and none
    {"success": True, "data": {"failTopics": [f"tickers.{CALL}x"], "successTopics": []}},
    {"args": [f"tickers.{CALL}"], "op": "pong", "data": {"symbol": CALL, "markPrice": "666"}},
)


async def test_DC_25_control_messages_between_ticks_are_no_ticks(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        before = harness.table.received
        for number, control in enumerate(CONTROL):
            frame = harness.venue.ticker(markPrice=str(number))
            await harness.venue.push(control)
            await harness.push(frame)
            await harness.venue.push(control)
            assert expected_hash(frame).items() <= harness.held().items()
        await harness.push(harness.venue.ticker())
        assert harness.table.received == before + len(CONTROL) + 1
        assert sum(harness.table.rejected.values()) == 0
        assert harness.venue.opened == 1
