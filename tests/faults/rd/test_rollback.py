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


def saved(w: CollectorHarness) -> dict[str, bytes]:
    """Everything in the server, as it is now."""
    names = [str(name) for name in w.client.keys("*")]
    return {name: raw_dump(w, name) for name in names}


def time_of(reader: OptionReader, symbol: str) -> int:
    """The time of its tick; 0 when it is not live."""
    try:
        return reader.get(symbol).ts_ms
    except FastoptsError:
        return 0


async def settled(w: CollectorHarness, reader: OptionReader, symbol: str) -> int:
    """Let *symbol* tick no more; return the time of its last tick once that is written."""
    w.venue.faults.stuck.add(symbol)
    last_ms = int(w.venue.last_frame(symbol)["ts"])
    await until(lambda: time_of(reader, symbol) == last_ms)
    return last_ms


def raw_dump(w: CollectorHarness, name: str) -> bytes:
    raw: Any = w.client.execute_command("DUMP", name, NEVER_DECODE=True)  # type: ignore[no-untyped-call]
    return bytes(raw)


def load(w: CollectorHarness, copy: dict[str, bytes]) -> None:
    """Replace everything by *copy* at once; no connection notices."""
    pipeline = w.client.pipeline(transaction=True)
    for name, value in copy.items():
        pipeline.restore(name, 0, value, replace=True)
    pipeline.pexpire(keys.LEASE, 2500)
    pipeline.execute()


async def test_RD_38_what_an_older_copy_holds_is_never_live_and_is_written_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path) as w:
        await w.covered()
        quiet = w.venue.symbols[7]
        with OptionReader(w.valkey.url, venue="sim") as reader:
            old_ms = await settled(w, reader, quiet)
            copy, epoch = saved(w), w.collector.table.epoch
            beat = w.client.hget(keys.FEED, "heartbeat_ms")
            w.venue.faults.stuck.clear()
            await until(lambda: time_of(reader, quiet) > old_ms)
            new_ms = await settled(w, reader, quiet)
            # A copy younger than a heartbeat can't be distinguished from the data set.
            await until(lambda: w.client.hget(keys.FEED, "heartbeat_ms") != beat)
            live, stop = set(), threading.Event()

            def read() -> None:
                while not stop.is_set():
                    live.add(time_of(reader, quiet))
                    time.sleep(0.0005)

            thread = threading.Thread(target=read)
            thread.start()
            try:
                await until(lambda: live == {new_ms})
                load(w, copy)
                await until(lambda: "went back in time" in caplog.text)
                await until(lambda: 0 in live and time_of(reader, quiet) == new_ms)
            finally:
                stop.set()
                thread.join()
            assert old_ms not in live
            assert w.collector.table.epoch == epoch + 1
        w.check_books()
