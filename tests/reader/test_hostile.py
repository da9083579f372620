"""Invalid names reach no key, wherever a reader gets them from."""

import re
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest

from fastopts.compat import EfficientTradeExecutor, OptionsDataReader
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import BadInput, FastoptsError, StoreError, Unknown
from fastopts.reader import Absent, AsyncOptionReader, OptionReader
from tests.support.hostile import NAMES
from tests.support.monitor import CommandMonitor
from tests.support.store import CALL, Store

KEY = re.compile(
    r"(option|optrec|instrument):[A-Z0-9.-]{0,46}|options:[A-Z0-9]{1,8}|stats|fastopts:(feed|updates)"
)
# another case of a symbol, or white space around it, is accepted: text is often pasted
INVALID = [name for name in NAMES if name.strip().upper() != CALL]
KEYLESS = ("TIME", "PING", "HELLO", "MONITOR", "CLIENT")
MESSAGE_MAX = 500


def asked_keys(monitor: CommandMonitor) -> set[str]:
    """Every key that a reader named."""
    found = set()
    for name, *words in monitor.commands():
        if name == "MGET":
            found |= set(words)
        elif name not in KEYLESS:
            found.add(words[0])
    return found


CALLS: list[Callable[[OptionReader, str], Any]] = [
    lambda reader, name: reader.get(name),
    lambda reader, name: reader.get_many([CALL, name], strict=True),
    lambda reader, name: reader.text(name),
    lambda reader, name: reader.text_many([name], strict=True),
    lambda reader, name: reader.chain(name),
    lambda reader, name: reader.chain("BTC", settle=name),
    lambda reader, name: reader.chains(name),
    lambda reader, name: reader.expiries(name),
    lambda reader, name: reader.instruments(name),
    lambda reader, name: reader.scan(name),
    lambda reader, name: reader.snapshot(name),
    lambda reader, name: reader.mirror([name]),
    lambda reader, name: reader.mirror(name),
    lambda reader, name: reader.watch([name]),
]


@pytest.mark.parametrize("name", INVALID)
async def test_an_argument_is_refused_in_few_words(
    store: Store, shared_valkey: EmbeddedValkey, name: str
) -> None:
    store.option(CALL)
    # an asset is taken in small letters, and a name without "-" may be one
    with CommandMonitor(shared_valkey.port) as monitor, OptionReader(store.url) as reader:
        for call in CALLS:
            with pytest.raises((BadInput, Unknown)) as caught:
                call(reader, name)
            assert len(str(caught.value)) < MESSAGE_MAX
        await ask_async(store.url, name)
        ask_by_the_old_names(store.url, name)
    assert all(map(KEY.fullmatch, asked_keys(monitor))), asked_keys(monitor)


async def ask_async(url: str, name: str) -> None:
    async with AsyncOptionReader(url) as reader:
        with pytest.raises(Unknown):
            await reader.get(name)
        with pytest.raises(Unknown):
            await reader.mirror([name])


def ask_by_the_old_names(url: str, name: str) -> None:
    executor = EfficientTradeExecutor(url=url)
    assert executor.get_option_direct(name) is None
    assert executor.get_options_batch([name]) == {}
    assert executor.get_option_cached(name) is None
    data = OptionsDataReader(url=url)
    assert data.get_option(name) is None
    with pytest.raises(BadInput):
        data.get_expiry_options(f"{name} ")


@pytest.mark.parametrize("expiry", [*NAMES, "２４１１２９", "241129\r\n*", "9" * 5000])
def test_an_expiry_is_refused_in_few_words(store: Store, expiry: str) -> None:
    store.option(CALL)
    with OptionReader(store.url) as reader, pytest.raises((BadInput, Unknown)) as caught:
        reader.chain("BTC", expiry)
    assert len(str(caught.value)) < MESSAGE_MAX


def test_a_server_that_lists_such_names_has_them_left_out(
    store: Store, shared_valkey: EmbeddedValkey
) -> None:
    store.option(CALL)
    for name in NAMES:
        store.client.sadd("options:BTC", name.encode("utf-8", "surrogatepass"))
    store.client.sadd("options:BTC", b"\xff\xfe")
    store.client.hset("fastopts:feed", "assets", "BTC,b*,A B,{x},\uff22\uff34\uff23")
    with CommandMonitor(shared_valkey.port) as monitor, OptionReader(store.url) as reader:
        assert [one.symbol for one in reader.chain("BTC").options] == [CALL]
        assert [one.symbol for one in reader.scan(gate=False)] == [CALL]
        assert [one.symbol for one in reader.instruments()] == [CALL]
        assert [one.expiry.tzinfo for one in reader.expiries("BTC")] == [UTC]
    assert all(map(KEY.fullmatch, asked_keys(monitor))), asked_keys(monitor)


def test_a_set_without_a_single_symbol_is_another_programs(store: Store) -> None:
    store.option(CALL)
    store.client.delete("options:BTC")
    store.client.sadd("options:BTC", "*")
    with OptionReader(store.url) as reader, pytest.raises(StoreError, match="options:BTC"):
        reader.chain("BTC")


def test_what_is_absent_says_why_for_each(store: Store) -> None:
    store.option(CALL)
    with OptionReader(store.url) as reader:
        first, *others = reader.get_many([CALL, *INVALID])
    assert not isinstance(first, Absent)
    for name, one in zip(INVALID, others, strict=True):
        assert isinstance(one, Absent)
        assert one.symbol == name
        assert isinstance(one.reason, FastoptsError)
