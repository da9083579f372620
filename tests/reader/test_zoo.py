"""Every public method of a reader, given values of wrong types: refused in words, never a crash."""

import inspect
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from fastopts.compat import EfficientTradeExecutor, OptionsDataReader
from fastopts.errors import FastoptsError
from fastopts.reader import Chain, Option, OptionReader
from fastopts.reader.checks import shown
from tests.store import CALL, PUT, Store

ZOO: list[Any] = [
    *(None, object(), 3.5, -1, 0, b"", b"BTC", [], {}, (), [None], [b"x"], [[]], {"a": 1}),
    *(float("nan"), float("inf"), -float("inf"), 10**400, [10**5000], True, 1j, slice(1, 2)),
    *(Decimal("sNaN"), Decimal("0.5"), np.float32("nan"), np.int64(-7), np.bool_(True)),
    *(np.array(["a", "b"]), np.array([1.0]), np.datetime64("NaT"), range(3), lambda: None),
    *("", "\x00", "\r\n", "\ud800", "\x1b[2J", "BTC\n", "x" * 5000, "１", "%s%n", "-" * 100),
]
# which wait for changes, write a file of the given name, or take nothing
LEFT_OUT = {"close", "follow", "export", "mirror", "watch", "watch_moves", "wait", "find", "check"}


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


def misuse(name: str, call: Callable[..., Any]) -> list[str]:
    """What is raised that is neither documented nor a wrong signature."""
    faults = []
    parameters = inspect.signature(call).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty and one.kind < 2]
    for wrong in ZOO:
        for parameter in parameters:
            given: dict[str, Any] = dict.fromkeys(needed, "BTC") | {parameter.name: wrong}
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
