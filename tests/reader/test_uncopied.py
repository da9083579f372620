"""What holds a connection refuses to be copied, in words, and leaves no half of itself behind."""

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from fastopts.net.redis.address import Address
from fastopts.net.redis.blocking import BlockingConnection
from fastopts.reader import AsyncOptionReader, OptionReader
from tests.support.store import CALL, Store

WAYS: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, pickle.dumps]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [OptionReader, AsyncOptionReader])
def test_a_reader_can_not_be_copied(
    store: Store, way: Callable[[Any], Any], kind: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    reader = kind(store.url)
    for held in (reader, [reader], {"reader": reader}):
        if way is copy.copy and held is not reader:
            continue
        with pytest.raises(TypeError, match=f"^{kind.__name__} holds a connection"):
            way(held)
    reader.close()
    gc.collect()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("way", WAYS)
def test_a_mirror_and_a_watch_can_not_be_copied(store: Store, way: Callable[[Any], Any]) -> None:
    store.option(CALL)
    store.feed(heartbeat_ms=0)  # they are made of a dead feed, too
    with OptionReader(store.url) as reader, reader.mirror() as mirror, reader.watch() as watch:
        for held in (mirror, watch):
            with pytest.raises(TypeError, match=f"^{type(held).__name__} holds a connection"):
                way(held)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_channel_that_was_not_made_whole_ends_quietly() -> None:
    del_only = BlockingConnection.__new__(BlockingConnection)
    del del_only
    gc.collect()
    with pytest.raises((TypeError, ValueError)):
        BlockingConnection(Address("127.0.0.1", 1), -1)
    gc.collect()
