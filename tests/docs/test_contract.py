"""The collector writes to Redis the contents that docs/contract.md specifies."""

import asyncio
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from fastopts import errors, keys, model
from fastopts.collector.run import Collector
from fastopts.config import Settings
from fastopts.field_registry import BASE_COLUMNS, FIELDS
from fastopts.net.redis import address
from fastopts.reader import OptionReader
from fastopts.sim import SimSettings, SimVenue
from fastopts.venues.bybit.hosts import Endpoints
from tests.docs.pages import DOCS, examples, rows
from tests.docs.situations import SITUATIONS
from tests.support.store import CALL, Store
from tests.support.writer_harness import SYMBOLS, RunningWriter, WriterHarness, until

PAGE = "contract.md"
HASH, FEED, STATS = 0, 1, 2  # tables of fields, by their place on the page
RECORD, UPDATE = 0, 1  # and of offsets
FORMATS = {
    "uint8": "B",
    "char": "c",
    "uint16": "H",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "char[8]": "8s",
    "double": "d",
}

Read = Callable[[redis.Redis, str], dict[str, Any]]


@pytest.fixture
def read(store: Store) -> Read:
    """The function of the page's example."""
    store.tick("BTC-25JUN27-100000-C-USDT")
    names: dict[str, Any] = {}
    for example in examples(DOCS / PAGE, "python"):
        example.run(store.url, names)
    found: Read = names["read"]
    return found


def test_the_keys_are_those_of_the_package() -> None:
    told = {cells[0].partition("{")[0] for cells in rows(PAGE, "key")}
    hashes = {keys.OPTION, keys.INSTRUMENT, keys.FEED, keys.STATS}
    assert told == hashes | {keys.RECORD, keys.ASSET, keys.LEASE, keys.UPDATES}


async def test_the_fields_are_those_that_the_collector_writes(store: Store, tmp_path: Path) -> None:
    written: dict[str, dict[Any, Any]] = {}
    client = redis.Redis.from_url(store.url, decode_responses=True)

    def stands() -> bool:
        for key in (keys.option(SYMBOLS[0]), keys.instrument(SYMBOLS[0]), keys.FEED):
            written[key] = client.hgetall(key)
        return all(written.values()) and "conn:1" in written[keys.FEED]

    async with RunningWriter(WriterHarness(client.get_connection_kwargs()["port"])) as world:
        world.tick()
        await until(stands)

    shorts = {word.short for word in FIELDS.values() if word.short}
    assert _fields(HASH) | shorts == written[keys.option(SYMBOLS[0])].keys()
    assert _fields(FEED) == {re.sub(r"\d+", "{number}", name) for name in written[keys.FEED]}
    assert _terms() == written[keys.instrument(SYMBOLS[0])].keys()

    client.flushall()
    await _collect(store, client, str(tmp_path))
    parts = {"duty": "{name}", "rejected": "{reason}", "skipped": "{reason}"}
    written[keys.STATS] = client.hgetall(keys.STATS)
    statistics = (name.partition(":") for name in written[keys.STATS])
    assert _fields(STATS) == {
        f"{name}:{parts[name]}" if colon else name for name, colon, _ in statistics
    }
    client.close()


def test_the_layouts_are_those_of_the_model() -> None:
    assert _layout(RECORD) == _spelled_out(model.RECORD)
    assert _layout(UPDATE) == _spelled_out(model.UPDATE_HEAD)
    numbers = [what for _, _, what in rows(PAGE, "offset", RECORD)[-len(model.NUMBERS) :]]
    assert numbers == [f"{name} ({short})" for short, name in model.NUMBERS]


def test_the_flags_are_those_of_the_model() -> None:
    flags = {value for name, value in vars(model).items() if name.startswith("FLAG_")}
    assert {int(flag) for flag, _ in rows(PAGE, "flag")} == flags


def test_the_names_and_meanings_are_those_of_the_registry() -> None:
    table = [[cell.replace("&lt;", "<") for cell in cells] for cells in rows(PAGE, "name")]
    fields = [f for f in FIELDS.values() if f.name in BASE_COLUMNS or not f.formula]
    assert table == [[each.name, each.short or "", each.unit, each.meaning] for each in fields]


def test_the_formulas_are_those_of_the_registry() -> None:
    table = {cells[0]: cells[1:] for cells in rows(PAGE, "derived")}
    derived = {name: field for name, field in FIELDS.items() if field.formula}
    assert table.keys() == derived.keys()
    for name, (unit, formula, meaning) in table.items():
        field = derived[name]
        condition = f" if {field.only_if}" if field.only_if else ""
        assert formula == f"{field.formula}{condition}".replace("|", "or").replace("&", "and")
        assert (unit, meaning) == (field.unit, field.meaning.replace("`", ""))


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_example_judges_as_a_reader_does(store: Store, read: Read, name: str) -> None:
    store.tick()
    SITUATIONS[name].arrange(store)
    with OptionReader(store.url) as reader:
        try:
            option = reader.get(CALL, require_live=False, allow_expired=True)
        except errors.FastoptsError:
            with pytest.raises(LookupError):
                read(store.client, CALL)
            return
    told = read(store.client, CALL)
    assert told["live"] == option.live
    assert told["expired"] == (option.phase == "expired")
    assert told["age_s"] == pytest.approx(option.age_s, abs=5)
    assert (told["bid_price"], told["mark_price"]) == (option.bid_price, option.mark_price)


async def _collect(store: Store, client: redis.Redis, folder: str) -> None:
    """Run a whole collector until its statistics are written, and stop it."""
    async with SimVenue(SimSettings(symbols=20, rate=200)) as venue:
        collector = Collector(
            Settings(venue="sim", record=folder),
            Endpoints("sim", venue.rest_url, venue.ws_url),
            address.parse(store.url),
            "fastopts-tests",
        )
        running = asyncio.create_task(collector.run(may_use_cache=False))
        await until(lambda: running.done() or bool(client.exists(keys.STATS)))
        collector.stop.set()
        await running


def _fields(number: int) -> set[str]:
    """The names of one of the page's tables of fields; a row may name some."""
    return {name for cells in rows(PAGE, "field", number) for name in cells[0].split()}


def _terms() -> set[str]:
    text = (DOCS / PAGE).read_text()
    return set(re.findall(r"`([a-z_]+)`", text.partition("## Terms")[2].partition("## ")[0]))


def _layout(number: int) -> list[str]:
    """The formats of a table of offsets, which must follow one another without a hole."""
    found: list[str] = []
    for offset, kind, what in rows(PAGE, "offset", number):
        assert int(offset) == struct.calcsize("<" + "".join(found))
        found += ["x"] * int(what.split()[0]) if kind == "padding" else [FORMATS[kind]]
    return found


def _spelled_out(layout: struct.Struct) -> list[str]:
    parts = re.findall(r"(\d*)([a-zA-Z])", layout.format)
    return [
        one
        for count, code in parts
        for one in ([f"{count}s"] if code == "s" else [code] * int(count or 1))
    ]
