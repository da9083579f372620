"""The data set goes back in time without a restart: an older copy or dump is loaded."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from fastopts import keys
from fastopts.errors import FastoptsError
from fastopts.reader import OptionReader
from tests.support.collector_harness import CollectorHarness, running_collector, until


def saved(harness: CollectorHarness) -> dict[str, bytes]:
    """Everything in the server, as it is now."""
    names = [str(name) for name in harness.client.keys("*")]
    return {name: raw_dump(harness, name) for name in names}


def time_of(reader: OptionReader, symbol: str) -> int:
    """The time of its tick; 0 when it is not live."""
    try:
        return reader.get(symbol).ts_ms
    except FastoptsError:
        return 0


async def settled(harness: CollectorHarness, reader: OptionReader, symbol: str) -> int:
    """Let *symbol* tick no more; return the time of its last tick once that is written."""
    harness.venue.faults.stuck.add(symbol)
    last_ms = int(harness.venue.last_frame(symbol)["ts"])
    await until(lambda: time_of(reader, symbol) == last_ms)
    return last_ms


def raw_dump(harness: CollectorHarness, name: str) -> bytes:
    raw: Any = harness.client.execute_command("DUMP", name, NEVER_DECODE=True)  # type: ignore[no-untyped-call]
    return bytes(raw)


def load(harness: CollectorHarness, copy: dict[str, bytes]) -> None:
    """Replace everything by *copy* at once; no connection notices."""
    pipeline = harness.client.pipeline(transaction=True)
    for name, value in copy.items():
        pipeline.restore(name, 0, value, replace=True)
    pipeline.pexpire(keys.LEASE, 2500)
    pipeline.execute()


async def test_RD_38_what_an_older_copy_holds_is_never_live_and_is_written_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path) as harness:
        await harness.covered()
        quiet = harness.venue.symbols[7]
        with OptionReader(harness.valkey.url, venue="sim") as reader:
            old_ms = await settled(harness, reader, quiet)
            copy, epoch = saved(harness), harness.collector.table.epoch
            beat = harness.client.hget(keys.FEED, "heartbeat_ms")
            harness.venue.faults.stuck.clear()
            await until(lambda: time_of(reader, quiet) > old_ms)
            new_ms = await settled(harness, reader, quiet)
            # A copy younger than a heartbeat can't be distinguished from the data set.
            await until(lambda: harness.client.hget(keys.FEED, "heartbeat_ms") != beat)
            live, stop = set(), threading.Event()

            def read() -> None:
                while not stop.is_set():
                    live.add(time_of(reader, quiet))
                    time.sleep(0.0005)

            thread = threading.Thread(target=read)
            thread.start()
            try:
                await until(lambda: live == {new_ms})
                load(harness, copy)
                await until(lambda: "went back in time" in caplog.text)
                await until(lambda: 0 in live and time_of(reader, quiet) == new_ms)
            finally:
                stop.set()
                thread.join()
            assert old_ms not in live
            assert harness.collector.table.epoch == epoch + 1
        harness.check_books()
