"""Every public method of a reader, given values of wrong types: refused in words, never a crash."""

import asyncio
import functools
import inspect
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastopts.compat import EfficientTradeExecutor, OptionsDataReader
from fastopts.errors import BadInput, FastoptsError
from fastopts.reader import AsyncOptionReader, Chain, Option, OptionReader
from fastopts.reader.selection.arguments import shown
from tests.support.store import CALL, PUT, Store

ZOO: list[Any] = [
    *(None, object(), 3.5, -1, 0, b"", b"BTC", [], {}, (), [None], [b"x"], [[]], {"a": 1}),
    *(float("nan"), float("inf"), -float("inf"), 10**400, [10**5000], True, 1j, slice(1, 2)),
    *(Decimal("sNaN"), Decimal("0.5"), np.float32("nan"), np.int64(-7), np.bool_(True)),
    *(np.array(["a", "b"]), np.array([1.0]), np.datetime64("NaT"), range(3), lambda: None),
    *("", "\x00", "\r\n", "\ud800", "\x1b[2J", "BTC\n", "x" * 5000, "１", "%s%n", "-" * 100),
]
# which wait for changes, take nothing, or objects of fastopts' own making
LEFT_OUT = {"close", "mirror", "watch", "watch_moves", "wait", "find", "check"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # an export may write a file of any name


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def reader(store: Store) -> Iterator[OptionReader]:
    store.option(CALL)
    store.option(PUT)
    store.feed(heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
    with OptionReader(store.url) as opened:
        yield opened


def methods(of: object) -> list[tuple[str, Callable[..., Any]]]:
    found = inspect.getmembers(of, inspect.ismethod)
    return [(name, m) for name, m in found if name[0] != "_" and name not in LEFT_OUT]


def awaited(runner: asyncio.Runner, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def run(**given: Any) -> Any:
        async def main() -> Any:
            made = call(**given)
            return await made if inspect.isawaitable(made) else made

        return runner.run(main())

    # `wraps` copies that of the method, which includes `self`
    run.__signature__ = inspect.signature(call)  # type: ignore[attr-defined]
    return run


def misuse(name: str, call: Callable[..., Any], **always: Any) -> list[str]:
    """What is raised that is neither documented nor a wrong signature."""
    faults = []
    parameters = inspect.signature(call).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty and one.kind < 2]
    for wrong in ZOO:
        for parameter in parameters:
            usual = {one.name: always[one.name] for one in parameters if one.name in always}
            given: dict[str, Any] = dict.fromkeys(needed, "BTC") | usual | {parameter.name: wrong}
            if parameter.kind is parameter.VAR_KEYWORD:
                given = dict.fromkeys(needed, "BTC") | {"min_iv": wrong, "expiry": wrong}
            elif parameter.kind is parameter.VAR_POSITIONAL:
                continue
            try:
                call(**given)
            except FastoptsError as error:
                if len(str(error)) > 2000:
                    faults.append(f"{name}({parameter.name}): a message of {len(str(error))}")
            except Exception as error:  # noqa: BLE001 - that is the question
                faults.append(f"{name}({parameter.name}={shown(wrong):.40}): {shown(error):.150}")
    return faults


def test_a_reader(reader: OptionReader) -> None:
    assert not [fault for name, call in methods(reader) for fault in misuse(name, call)]


def test_an_asyncio_reader(reader: OptionReader, store: Store, runner: asyncio.Runner) -> None:
    made = AsyncOptionReader(store.url)
    faults = [
        fault for name, call in methods(made) for fault in misuse(name, awaited(runner, call))
    ]
    runner.run(closed(made))
    assert not faults


async def closed(reader: AsyncOptionReader) -> None:
    reader.close()


@pytest.mark.parametrize("method", ["mirror", "watch", "watch_moves"])
async def test_selections_of_an_asyncio_reader(
    reader: OptionReader, store: Store, method: str
) -> None:
    faults = []
    async with AsyncOptionReader(store.url) as async_reader:
        for wrong in ZOO:
            arguments = (wrong, 0.05) if method == "watch_moves" else (wrong,)
            if wrong is None:
                continue
            try:
                await (await getattr(async_reader, method)(*arguments)).close()
            except FastoptsError:
                pass
            except Exception as error:  # noqa: BLE001 - that is the question
                faults.append(f"{method}({shown(wrong):.40}): {shown(error):.150}")
    assert not faults


def test_a_mirror(reader: OptionReader, store: Store) -> None:
    store.feed(beat_s=3600)  # nothing is announced: a mirror of a feed that is down is complete
    with reader.mirror() as mirror:
        faults = [
            fault
            for name, call in methods(mirror)
            for fault in misuse(name, call, require_live=False)
        ]
    assert not faults


async def test_an_asyncio_mirror(reader: OptionReader, store: Store) -> None:
    store.feed(beat_s=3600)
    async with AsyncOptionReader(store.url) as async_reader, await async_reader.mirror() as mirror:
        faults = [
            fault
            for name, call in methods(mirror)
            for fault in misuse(name, call, require_live=False)
        ]
    assert not faults


SHORT: list[Any] = [0, -1, np.int64(-7), float("-inf")]
NO_TIMEOUTS = [one for one in ZOO if one is not None and not isinstance(one, float | int)]
NO_TIMEOUTS += [float("nan"), 10**400, True]


def test_a_watch(reader: OptionReader, store: Store) -> None:
    store.feed(beat_s=3600)
    with reader.watch() as watch:
        for wrong in NO_TIMEOUTS:
            if not isinstance(wrong, np.integer):
                with pytest.raises(BadInput, match="timeout_s"):
                    watch.wait(wrong)
        assert watch.wait(float("inf")) is not None  # that the feed is down
        for short in SHORT:
            assert watch.wait(short) is None


async def test_an_asyncio_watch(reader: OptionReader, store: Store) -> None:
    store.feed(beat_s=3600)
    async with AsyncOptionReader(store.url) as async_reader, await async_reader.watch() as watch:
        for wrong in NO_TIMEOUTS:
            if not isinstance(wrong, np.integer):
                with pytest.raises(BadInput, match="timeout_s"):
                    await watch.wait(wrong)
        assert await watch.wait(float("inf")) is not None
        for short in SHORT:
            assert await watch.wait(short) is None


def test_a_scan_and_a_table(reader: OptionReader) -> None:
    made = (reader.scan("BTC", gate=False), reader.table("BTC"))
    faults = [
        fault
        for of in made
        for name in ("to_numpy", "to_pandas", "to_polars", "to_arrow", "export", "write_to")
        for fault in misuse(name, getattr(of, name), form="csv", stream=io.BytesIO())
    ]
    assert not faults
    for path in ("\0.csv", "\ud800.csv", "x" * 5000 + ".csv", Path("\0.json"), b"a.csv"):
        with pytest.raises(FastoptsError):
            made[0].export(path)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="stream"):
        made[0].write_to(io.StringIO(), "csv")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["mirror", "watch", "watch_moves"])
def test_selections(reader: OptionReader, method: str) -> None:
    """Of a dead feed: there is nothing to wait for."""
    faults = []
    for wrong in ZOO:
        if wrong is None:
            continue
        words = (wrong, 0.05) if method == "watch_moves" else (wrong,)
        try:
            getattr(reader, method)(*words).close()
        except FastoptsError:
            pass
        except Exception as error:  # noqa: BLE001 - that is the question
            faults.append(f"{method}({shown(wrong):.40}): {shown(error):.150}")
    assert not faults


def test_a_chain_and_an_option(reader: OptionReader) -> None:
    chain, option = reader.chain("BTC"), reader.get(CALL)
    assert isinstance(chain, Chain)
    assert isinstance(option, Option)
    faults = [
        fault
        for of in (chain, option)
        for name, call in methods(of)
        for fault in misuse(name, call)
    ]
    assert not faults


@pytest.mark.parametrize("kind", [EfficientTradeExecutor, OptionsDataReader])
def test_the_old_names(reader: OptionReader, store: Store, kind: Any) -> None:
    made = kind(url=store.url)
    assert not [
        fault
        for name, call in methods(made)
        if not name.startswith("export") and name != "monitor_price_changes"
        for fault in misuse(name, call)
    ]


def test_making_one() -> None:
    assert not misuse("OptionReader", OptionReader)
