"""Fields without a number, or with one that nobody expects; each symbol has another one spoiled."""

import io
import itertools
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fastopts.embedded import EmbeddedValkey
from tests.faults.dc.frames import NAMES, expected_without, names, spoiled, with_raw
from tests.support.collector_harness import until
from tests.support.collector_limits import quicken
from tests.support.oracle import FIELDS, expected_hash
from tests.support.payloads import dump
from tests.support.scripted_venue import CALL, ScriptedVenueHarness, now_ms, scripted_collector
from tests.support.store import SHORT

SYMBOLS = names(len(NAMES))
LONG = {short: long for long, short in SHORT.items()}
Texts = dict[str, str]


@pytest.fixture
async def harness(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> AsyncIterator[ScriptedVenueHarness]:
    """As many symbols as there are fields."""
    async with scripted_collector(
        tmp_path, shared_valkey, *SYMBOLS, status_s=0.05
    ) as world_of_fields:
        yield world_of_fields


def ours(harness: ScriptedVenueHarness, symbol: str) -> Texts:
    """The hash without what is ours to choose."""
    return {name: text for name, text in harness.held(symbol).items() if name not in ("rt", "cn")}


async def tell_spoiled(harness: ScriptedVenueHarness, raw: bytes) -> None:
    """Each field of one symbol is *raw*: it is absent there, and nothing else changes."""
    frames = spoiled(harness.venue, SYMBOLS, raw)
    await harness.push(*frames)
    for symbol, name, frame in zip(SYMBOLS, NAMES, frames, strict=True):
        assert ours(harness, symbol) == expected_without(
            json.loads(frame.replace(raw, b'""')), name
        )


def assert_none(harness: ScriptedVenueHarness) -> None:
    """A reader has None for each symbol's own field, and numbers for those of others."""
    with harness.reader() as reader:
        for symbol, name in zip(SYMBOLS, NAMES, strict=True):
            option = reader.get(symbol)
            assert getattr(option, LONG[FIELDS[name]]) is None
            other = "markPrice" if name != "markPrice" else "indexPrice"
            assert getattr(option, LONG[FIELDS[other]]) is not None


async def test_DC_06_an_empty_field_is_absent_and_never_zero(harness: ScriptedVenueHarness) -> None:
    await tell_spoiled(harness, b'""')
    assert_none(harness)
    assert harness.table.bad_fields == 0
    await harness.push(*(harness.venue.ticker(symbol) for symbol in SYMBOLS))
    assert all(len(ours(harness, symbol)) == len(NAMES) + 3 for symbol in SYMBOLS)


async def test_DC_07_a_missing_field_is_absent_counted_and_not_what_it_was_before(
    harness: ScriptedVenueHarness,
) -> None:
    pairs = zip(SYMBOLS, NAMES, strict=True)
    frames = [harness.venue.ticker(symbol, **{name: None}) for symbol, name in pairs]
    await harness.push(*frames)
    for symbol, frame in zip(SYMBOLS, frames, strict=True):
        assert ours(harness, symbol) == expected_hash(frame)
    assert_none(harness)
    assert harness.table.missing_fields == len(NAMES)
    await until(lambda: harness.client.hget("stats", "missing_fields") == str(len(NAMES)))


async def test_DC_07_any_two_may_be_missing(harness: ScriptedVenueHarness) -> None:
    pairs = list(itertools.combinations(NAMES, 2))
    for some in _batches(pairs):
        chosen = list(zip(SYMBOLS, some, strict=False))
        frames = [harness.venue.ticker(symbol, **dict.fromkeys(gone)) for symbol, gone in chosen]
        await harness.push(*frames)
        for (symbol, _), frame in zip(chosen, frames, strict=True):
            assert ours(harness, symbol) == expected_hash(frame)


def _batches(pairs: list[Any]) -> list[list[Any]]:
    size = len(SYMBOLS)
    return [pairs[start : start + size] for start in range(0, len(pairs), size)]


async def test_DC_07_without_its_symbol_or_time_there_is_no_tick(
    harness: ScriptedVenueHarness,
) -> None:
    before = ours(harness, SYMBOLS[0])
    frame = harness.venue.ticker(SYMBOLS[0])
    await harness.push({k: v for k, v in frame.items() if k != "ts"})
    # no topic: nobody's message, which is counted nowhere
    await harness.venue.push({k: v for k, v in frame.items() if k != "topic"})
    await harness.push({k: v for k, v in frame.items() if k != "data"})
    assert (harness.table.rejected["bad_ts"], harness.table.rejected["no_data"]) == (1, 1)
    assert ours(harness, SYMBOLS[0]) == before
    await harness.push({k: v for k, v in frame.items() if k not in ("type", "id")})
    assert harness.held(SYMBOLS[0])["tm"] == str(frame["ts"])


async def test_DC_08_unknown_fields_are_ignored_counted_and_named_once(
    harness: ScriptedVenueHarness, caplog: pytest.LogCaptureFixture
) -> None:
    def named() -> list[str]:
        return [r.message for r in caplog.records if "unknown fields" in r.message]

    frame = harness.venue.ticker(SYMBOLS[0])
    extra = {"rho": "0.1", "<b>\u202e": [{"markPrice": "9"}], "b": {"c": None}}
    for data in (extra | frame["data"], frame["data"] | extra):
        await harness.push({"new": 1, **frame, "data": data, "newer": [2]})
        assert ours(harness, SYMBOLS[0]) == expected_hash(frame)
    assert harness.table.unknown_fields == 6
    await until(lambda: harness.client.hget("stats", "unknown_fields") == "6")
    await until(lambda: bool(named()))
    random_keys = {f"k{number}": str(number) for number in range(1000)}
    await harness.push({**frame, "data": random_keys | frame["data"] | {"z": 1}})
    assert ours(harness, SYMBOLS[0]) == expected_hash(frame)
    assert harness.table.unknown_fields == 6 + 1001
    assert len(harness.table.unknown_names) == 64
    first = named()[0]
    assert first == "the venue sends unknown fields: ['<b>\\u202e', 'b', 'rho']"
    assert sum("'rho'" in line for line in named()) == 1


async def test_DC_08_messages_of_an_unknown_type_are_no_ticks_and_end_nothing(
    harness: ScriptedVenueHarness,
) -> None:
    before = harness.table.received
    strange: tuple[object, ...] = (
        {"topic": "auction.BTC", "ts": 1, "data": {"markPrice": "9"}},
        {"topic": 5},
        {"type": "NEW_RESP", "success": None},
        *({}, [], "x", 5, None, True),
    )
    await harness.venue.push(*strange)
    frame = harness.venue.ticker(SYMBOLS[0])
    await harness.push(frame | {"type": "delta2"}, frame)
    assert (harness.table.received, harness.table.rejected["bad_type"]) == (before + 2, 1)
    assert ours(harness, SYMBOLS[0]) == expected_hash(frame)
    assert harness.venue.opened == 1


@pytest.mark.parametrize("raw", ["true", "false", "[]", '["1"]', "{}", '{"a":"1"}', '"x"', '" "'])
async def test_DC_09_a_value_of_another_type_is_absent_and_counted(
    harness: ScriptedVenueHarness, raw: str
) -> None:
    await tell_spoiled(harness, raw.encode())
    assert harness.table.bad_fields == len(NAMES)


async def test_DC_09_null_is_absent_and_a_bare_number_is_its_own_text(
    harness: ScriptedVenueHarness,
) -> None:
    await tell_spoiled(harness, b"null")
    for text in ("1", "0", "-0.50", "1e5"):
        frames = spoiled(harness.venue, SYMBOLS, text.encode())
        await harness.push(*frames)
        for symbol, name in zip(SYMBOLS, NAMES, strict=True):
            assert harness.held(symbol)[FIELDS[name]] == text
    assert harness.table.bad_fields == 0


@pytest.mark.parametrize(
    "text",
    [
        *("nan", "NaN", "Infinity", "-inf", "1e999", "-1e309", "1_0", " 1", "1 ", "+1", ".5", "5."),
        *(
            "\N{FULLWIDTH DIGIT ONE}2",
            "0x10",
            "1,5",
            "007",
            "--1",
            "1e",
            "1.2.3",
            "\\u0000",
            "\\ud800",
        ),
    ],
)
async def test_DC_10_a_value_that_is_no_finite_decimal_is_absent_and_counted(
    harness: ScriptedVenueHarness, text: str
) -> None:
    await tell_spoiled(harness, f'"{text}"'.encode())
    assert harness.table.bad_fields == len(NAMES)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
async def test_DC_10_a_bare_word_that_json_does_not_know_rejects_the_message(
    harness: ScriptedVenueHarness, word: str
) -> None:
    await harness.push(*spoiled(harness.venue, SYMBOLS[:24], word.encode())[:10])
    assert harness.table.rejected["not_json"] == 10


def _refuse(word: str) -> NoReturn:
    raise AssertionError(f"{word} is no JSON")


async def test_DC_10_no_exported_file_contains_nan(harness: ScriptedVenueHarness) -> None:
    await tell_spoiled(harness, b'"nan"')
    out = io.BytesIO()
    with harness.reader() as reader:
        reader.table().write_to(out, "json")
    rows = json.loads(out.getvalue(), parse_constant=_refuse)["rows"]
    assert len(rows) == len(SYMBOLS)
    by_symbol = {row["symbol"]: row for row in rows}
    for symbol, name in zip(SYMBOLS, NAMES, strict=True):
        assert by_symbol[symbol][LONG[FIELDS[name]]] is None


# text, what a reader has of it as a bid and as a mark price
BOUNDARIES = [
    ("0", None, 0.0),
    ("-0", None, 0.0),
    ("0.00", None, 0.0),
    ("-1", None, -1.0),
    ("1e-18", 1e-18, 1e-18),
    ("0.000000000000000001", 1e-18, 1e-18),
    ("1e18", 1e18, 1e18),
    ("1000000000000000000", 1e18, 1e18),
    ("9" * 32, 1e32, 1e32),
    ("1e308", 1e308, 1e308),
]


async def test_DC_11_boundaries_keep_their_text_and_zero_is_no_quote(
    harness: ScriptedVenueHarness,
) -> None:
    chosen = dict(zip(SYMBOLS, BOUNDARIES, strict=False))
    await harness.push(
        *(
            harness.venue.ticker(s, bidPrice=text, markPrice=text)
            for s, (text, *_) in chosen.items()
        )
    )
    assert harness.table.bad_fields == 0
    with harness.reader() as reader:
        for symbol, (text, bid, mark) in chosen.items():
            held, option = harness.held(symbol), reader.get(symbol)
            assert (held["bp"], held["mp"]) == (text, text)
            assert (option.bid_price, option.mark_price) == (bid, mark)
            # price, size and volatility of a quote go together
            assert (option.bid_size is None, option.bid_iv is None) == (bid is None,) * 2
            assert option.ask_price == 1230


async def test_DC_11_four_hundred_digits_are_absent_and_counted(
    harness: ScriptedVenueHarness,
) -> None:
    await tell_spoiled(harness, b'"' + b"7" * 400 + b'"')
    assert harness.table.bad_fields == len(NAMES)


@pytest.mark.parametrize("digits", [19, 20, 4301, 900_000])
async def test_DC_12_huge_integers_are_measured_before_they_are_converted(
    harness: ScriptedVenueHarness, digits: int
) -> None:
    before = ours(harness, SYMBOLS[0])
    huge = b"7" * digits
    for ts in (huge, b'"' + huge + b'"'):
        frame = harness.venue.ticker(SYMBOLS[0])
        await harness.push(dump({**frame, "ts": "@@"}).replace(b'"@@"', ts))
    assert harness.table.rejected["bad_ts"] == 2
    assert ours(harness, SYMBOLS[0]) == before
    for size in (huge, b'"' + huge + b'"'):
        await harness.push(
            with_raw(harness.venue.ticker(SYMBOLS[0], markPrice="5"), "bidSize", size)
        )
        held = ours(harness, SYMBOLS[0])
        assert (held.get("bq"), held["mp"]) == (huge.decode() if digits < 32 else None, "5")


async def test_DC_12_a_time_of_ten_digits_is_taken_and_flagged(
    harness: ScriptedVenueHarness,
) -> None:
    """Seconds instead of ms, over nothing that is better."""

    harness.venue.greets = False
    harness.venue.symbols.append(CALL)
    assert harness.collector.universe.adopt(CALL)
    await harness.push(harness.venue.ticker(CALL, ts=now_ms() // 1000))
    with harness.reader() as reader:
        assert reader.get(CALL).time_suspect


async def test_DC_16_the_text_that_was_sent_is_the_text_that_is_read(
    harness: ScriptedVenueHarness,
) -> None:
    luck = random.Random(16)

    def decimal() -> str:
        whole = str(luck.randrange(10 ** luck.randint(1, 14)))
        tail = "".join(luck.choices("0123456789", k=luck.randint(1, 17 - len(whole) // 2)))
        return luck.choice(["", "-"]) + whole + "." + tail + luck.choice(["", "0", "e-3", "E+5"])

    for _ in range(10):
        frames = [harness.venue.ticker(s, None, **{n: decimal() for n in NAMES}) for s in SYMBOLS]
        await harness.push(*frames)
        assert harness.table.bad_fields == 0
        with harness.reader() as reader:
            for symbol, frame in zip(SYMBOLS, frames, strict=True):
                assert ours(harness, symbol) == expected_hash(frame)
                # the record has the nearest double
                assert reader.get(symbol).delta == float(frame["data"]["delta"])


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "=cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "-1+1",
        "1\\r\\nFLUSHALL",
        "${jndi:ldap://x}",
        "\\u001b[2J",
    ],
)
async def test_DC_26_markup_in_a_field_is_no_number_and_is_not_stored(
    harness: ScriptedVenueHarness, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    await tell_spoiled(harness, f'"{text}"'.encode())
    frame = harness.venue.ticker(text)
    await harness.push(frame)
    assert harness.table.rejected["bad_symbol"] == 1
    await until(lambda: "rejected (bad_symbol)" in caplog.text)
    assert {key.partition(":")[2] for key in harness.keys("optrec:*")} == set(SYMBOLS)
    assert all(record.message.isprintable() for record in caplog.records)


async def test_DC_06_a_field_that_is_empty_in_every_tick_is_named(
    tmp_path: Path,
    shared_valkey: EmbeddedValkey,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    quicken(monkeypatch, absent_fields_every_s=0.0)

    async with scripted_collector(tmp_path, shared_valkey, *SYMBOLS, status_s=0.05) as harness:
        assert harness.collector.monitor.absent_fields == ()
        kinds: list[dict[str, Any]] = [{"theta": ""}, {"theta": "", "markPriceIv": ""}, {}]
        for empty in kinds:
            await harness.push(*(harness.venue.ticker(symbol, **empty) for symbol in SYMBOLS))
            expected = [LONG[FIELDS[name]] for name in ("theta", "markPriceIv") if name in empty]
            told = ",".join(expected)
            await until(lambda told=told: harness.client.hget("stats", "absent_fields") == told)  # type: ignore[misc]
    assert "no option has theta: the venue does not send it" in caplog.text
