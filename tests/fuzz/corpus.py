"""What the fuzzers start from: inputs in the venue's and the server's shapes, the traps that other
parsers fell into, and whatever was once found (`found/{target}-*.bin`).
"""

import json
import struct
from pathlib import Path

from tests.core.resp import encode
from tests.support import payloads
from tests.support.payloads import SYMBOL, dump
from tests.support.store import LAYOUT, NUMBERS

__all__ = ("COUNT", "SYMBOLS", "inputs", "words")

FOUND = Path(__file__).parent / "found"
COUNT = 4  # records of an answer
SYMBOLS = [SYMBOL, "BTC-27NOV26-90000-P-USDT", "ETH-4DEC26-3100-C", "XRP-27NOV26-0.55-P-USDT"]
T0 = payloads.T0
BASE = payloads.ticker()


def inputs(target: str) -> list[bytes]:
    """The corpus of *target*."""
    made = {"ticker": tickers, "inlet": tickers, "frames": frames}.get(target, replies)
    return made() + [path.read_bytes() for path in sorted(FOUND.glob(f"{target}-*.bin"))]


def words(target: str) -> list[bytes]:
    """What is put into inputs of *target* as a whole."""
    return RESP_WORDS if target in ("reply", "records", "batch") else JSON_WORDS


def tickers() -> list[bytes]:
    empty = payloads.ticker(bidPrice="", bidSize="", bidIv="", gamma="0", lastPrice="")
    bare = dump(BASE)
    for name, text in payloads.NUMBERS.items():
        bare = bare.replace(f'"{name}":"{text}"'.encode(), f'"{name}":{text}'.encode())
    frames = [
        *(payloads.ticker(symbol, T0 + i, 71_000 + i) for i, symbol in enumerate(SYMBOLS)),
        *(payloads.delta(symbol, T0 + 9, askPrice="26200", askIv="") for symbol in SYMBOLS),
        *(payloads.in_2023_order(BASE), empty, {"x": [1, {"y": None}]} | BASE),
        *(BASE | {"ts": str(T0)}, BASE | {"data": {}}, BASE | {"type": "other"}),
        {"success": True, "conn_id": "c", "data": {"failTopics": []}, "type": "COMMAND_RESP"},
        {"args": [str(T0)], "op": "pong"},
    ]
    spaced = [json.dumps(BASE, indent=1).encode(), b" \r\n\t" + dump(BASE) + b"\n"]
    least = b'{"topic":"tickers.A","ts":1,"data":{}}'
    traps = [b"", b"{", b"[" * 1000, b'{"topic":"', least[:-1], b"\xef\xbb\xbf" + least]
    return [*map(dump, frames), *spaced, bare, least, *traps]


def frames() -> list[bytes]:
    return [
        *(b"\x81\x00", b"\x81\x02{}", b"\x81\x7e\x00\x02{}", b"\x81\x7e\xff\xff", b"\x81\x7f"),
        *(b"\x89\x00", b"\x88\x02\x03\xe8", b"\x01\x01a\x80\x01b", b"\x81\x81abcdx", b"\xc1\x00"),
        b"\x81\x7f" + b"\xff" * 8,
    ]


def replies() -> list[bytes]:
    head = (1, b"C", 0, 5, T0, T0 + 40, 77, 1, T0 + 10**9, b"USDT", 90000.0)
    record = struct.pack(LAYOUT, *head, *NUMBERS.values())
    answers = [
        [record] * COUNT,
        [record, None, b"\x02" + record[1:], b"short"],
        [record, record[:-1], b"", record + b"x"],
    ]
    values = [
        *(
            "OK",
            "QUEUED",
            0,
            29,
            -1,
            10**17,
            None,
            b"",
            b"a\r\nb",
            [],
            [None],
            ["OK", [1, [2, [3]]]],
        ),
        *(ValueError("ERR no"), ValueError("WRONGTYPE Operation"), [1, ValueError("NOPERM x")]),
        *([5, 24, "OK"], *answers),
    ]
    written = [encode(n) + encode("OK") for n in (0, 1, 2)]
    exec_ = b"".join(map(encode, ("OK", "QUEUED", "QUEUED", [0, 1], "OK")))
    others = [w * 3 for w in written] + [exec_ * 3, written[0] + exec_ * 2]
    others += [b"", b"$-1\r\n", b"*-1\r\n", *(encode([record] * COUNT) + encode(v) for v in values)]
    traps = [
        *(b"*3333333333\r\n", b"$3333333333\r\n", b"$-2\r\n", b"*-2\r\n", b"*1\r\n" * 100_000),
        *(b"+" + b"a" * 5000, b":1234567890123456789\r\n", b":-\r\n", b":01\r\n", b"$1\r\nabc\r\n"),
        *(b"%1\r\n+a\r\n:1\r\n", b"_\r\n", b"+a\rb\r\n", b"*1048577\r\n", b"*1048576\r\n"),
        *(b"$536870913\r\n", b"$536870912\r\n", b"$65537\r\n", b"*4\r\n$65537\r\n", b"\r\n"),
        *(b"-" + b"\xff" * 4095 + b"\r\n", b"-\r\n", b"-\r\n" * 6, b"+\r\n", b"+a\nb\r\n"),
    ]
    return [*map(encode, values), *others, *traps]


NAMES = [*payloads.NUMBERS, "topic", "ts", "type", "id", "data", "symbol", "rho"]
JSON_WORDS = [
    *(name.encode() for name in NAMES),
    *(symbol.encode() for symbol in SYMBOLS),
    *(b"snapshot", b"delta", b"tickers.", b"null", b"true", b"false", b"nul", b"{}", b"[]", b'""'),
    *(
        b"0",
        b"-0",
        b"0.0",
        b"00",
        b"-",
        b"1.",
        b".5",
        b"1e5",
        b"1e999",
        b"NaN",
        b"-Infinity",
        b"1_0",
    ),
    *(b"9" * 18, b"9" * 19, b"9" * 32, b"9" * 33, b"0." + b"1" * 30, b"0." + b"1" * 31),
    *(b"\\u0000", b"\\", b'\\"', b"\xc3\xa9", b"\xed\xa0\x80", b"\xff", b"\x00", b"\x7f"),
    *(str(T0 + step).encode() for step in (-1, 1, 999, 100_000)),
    *(b"B" * 40, b"B" * 41, b"{", b"}", b",", b":", b'"', b'","', b'":"', b"[1,[2]]"),
]
RESP_WORDS = [
    *(b"\r\n", b"\r", b"\n", b"$", b"*", b":", b"+", b"-", b"$-1", b"*-1", b"*0", b"$0\r\n\r\n"),
    *(b"$256", b"$65536", b"$65537", b"*4", b"*5", b"*1048576", b"*1048577", b"$536870912"),
    *(b"$536870913", b"*3333333333", b"$-2", b"*-2", b":0", b":-0", b":01", b":1", b":29"),
    *(b":" + b"9" * 18, b":" + b"9" * 19, b"*1\r\n" * 5, b"*2\r\n:1\r\n", b"+OK\r\n", b"-ERR\r\n"),
    *(
        b"_\r\n",
        b"#t\r\n",
        b",1.5\r\n",
        b"(1\r\n",
        b"%1\r\n",
        b"~1\r\n",
        b">1\r\n",
        b"\x00",
        b"\xff",
    ),
]
