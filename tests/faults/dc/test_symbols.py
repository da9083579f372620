"""Symbols that nobody listed, and some that are none."""

import logging
import re
from pathlib import Path

import pytest

from fastopts.embedded import EmbeddedValkey
from tests.faults.dc.frames import names
from tests.support.collector_harness import until
from tests.support.collector_limits import quicken
from tests.support.oracle import expected_hash
from tests.support.payloads import dump
from tests.support.scripted_venue import CALL, PUT, ScriptedVenueHarness, scripted_collector

KEY = re.compile(
    r"(option|optrec|instrument):[A-Z0-9.-]{1,40}|options:[A-Z0-9:]+|fastopts:[a-z]+|stats"
)


def assert_keys_are_clean(harness: ScriptedVenueHarness) -> None:
    keys = harness.keys("*")
    assert keys
    assert [key for key in keys if not KEY.fullmatch(key)] == []


@pytest.mark.parametrize(
    "raw",
    [
        *(
            "\\ud800",
            "\\udfff\\ud800",
            "\\u0000",
            "\\r\\nFLUSHALL\\r\\n",
            " ",
            "*",
            "{x}",
            ":",
            "\\n",
        ),
        *("é", "ſ", "Ａ", "\u202e", "/", "..", "B" * 40),
    ],
)
async def test_DC_03_a_symbol_that_is_no_key_is_rejected(
    tmp_path: Path, shared_valkey: EmbeddedValkey, raw: str
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        for symbol in ("BTC-@", "@", f"{CALL}@", "@-27NOV99-1-C-USDT"):
            frame = harness.venue.ticker(symbol)
            await harness.push(dump(frame).replace(b"@", raw.encode()), harness.venue.ticker())
        told = harness.table.rejected
        assert told["bad_symbol"] + told["unknown_symbol"] == 4 == sum(told.values())
        assert_keys_are_clean(harness)


async def test_DC_17_a_late_listed_option_is_taken_at_once(
    tmp_path: Path, shared_valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fastopts")

    async with scripted_collector(tmp_path, shared_valkey) as harness:
        [late] = names(1)
        frames = [harness.venue.ticker(late, markPrice=str(number)) for number in range(5)]
        await harness.push(*frames)
        assert expected_hash(frames[-1]).items() <= harness.held(late).items()
        assert sum(harness.table.rejected.values()) == 0
    assert caplog.text.count("ticks before it is listed") == 1


async def test_DC_17_ten_thousand_invented_symbols_fill_no_memory(
    tmp_path: Path,
    shared_valkey: EmbeddedValkey,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "fastopts")
    quicken(monkeypatch, symbols_max=500)

    async with scripted_collector(tmp_path, shared_valkey, status_s=0.05) as harness:
        frame = dump(harness.venue.ticker("@"))
        for start in range(0, 10_000, 1000):
            invented = [f"BTC-27NOV99-{strike}-P".encode() for strike in range(start, start + 1000)]
            await harness.push(*(frame.replace(b"@", symbol) for symbol in invented))
            assert len(harness.table) == min(500, 2 + start + 1000)
        assert harness.table.rejected["unknown_symbol"] == 10_000 - 498
        good = harness.venue.ticker()
        await harness.push(good)
        assert expected_hash(good).items() <= harness.held().items()
        await until(lambda: "rejected (unknown_symbol), for example:" in caplog.text)
        assert len(harness.keys("option:*")) == 500
        assert_keys_are_clean(harness)
    assert caplog.text.count("ticks before it is listed") == 498
    assert caplog.text.count("unknown_symbol") == 1


@pytest.mark.parametrize(
    ("symbol", "terms"),
    [
        ("BTC-27MAR99-70000-P-USDT", ("USDT", "USDT", "70000", "P")),
        ("BTC-28FEB99-2800-C", ("USD", "USDC", "2800", "C")),
        ("BTC-6JAN99-0.4-C-USDT", ("USDT", "USDT", "0.4", "C")),
    ],
)
async def test_DC_18_both_forms_of_a_symbol_are_known(
    tmp_path: Path, shared_valkey: EmbeddedValkey, symbol: str, terms: tuple[str, ...]
) -> None:
    async with scripted_collector(tmp_path, shared_valkey, symbol) as harness:
        frame = harness.venue.ticker(symbol)
        await harness.push(frame)
        assert expected_hash(frame).items() <= harness.held(symbol).items()
        held = harness.client.hmget(f"instrument:{symbol}", "quote", "settle", "strike", "type")
        assert tuple(held) == terms
        with harness.reader() as reader:
            option = reader.get(symbol)
            assert (option.settle, option.strike, option.type) == (
                terms[1],
                float(terms[2]),
                terms[3],
            )


async def test_DC_18_a_form_that_is_not_known_spoils_no_other(
    tmp_path: Path, shared_valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    strange = (
        "BTC-27MAR99-70000-P-USDE",
        "BTC-27MAR99-70000-P-USDT-X",
        "BTC-PERP",
        "BTC-2099Q1-5-C",
    )

    async with scripted_collector(tmp_path, shared_valkey, status_s=0.05) as harness:
        harness.venue.symbols += strange
        await harness.collector.universe.refresh(lambda listed, gone: None)
        assert set(harness.collector.universe.instruments) == {CALL, PUT}
        good = harness.venue.ticker()
        await harness.push(*(harness.venue.ticker(symbol) for symbol in strange), good)
        assert harness.table.rejected["unknown_symbol"] == len(strange)
        assert expected_hash(good).items() <= harness.held().items()
        await until(lambda: "rejected (unknown_symbol), for example:" in caplog.text)
        assert set(harness.keys("option:*")) == {f"option:{CALL}", f"option:{PUT}"}
