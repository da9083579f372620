"""Mirrors and watches of asyncio: awaited or entered, and closed with `await` like the reader."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fastopts.reader import AsyncMirror, AsyncOptionReader, AsyncWatch, BadInput
from fastopts.reader.mirrors.opening import Opening
from tests.support.store import CALL, Store

METHODS: list[tuple[str, tuple[Any, ...], type]] = [
    ("mirror", (), AsyncMirror),
    ("mirror", ([CALL],), AsyncMirror),
    ("watch", ("BTC",), AsyncWatch),
    ("watch_moves", ("BTC", 0.05), AsyncWatch),
]


@pytest.fixture
def url(store: Store) -> str:
    store.option(CALL)
    store.feed(heartbeat_ms=0)  # a dead feed opens at once; no announcement is needed
    return store.url


@pytest.mark.parametrize(("method", "arguments", "kind"), METHODS)
async def test_it_is_awaited_or_entered(
    url: str, method: str, arguments: tuple[Any, ...], kind: type
) -> None:
    tasks_before = asyncio.all_tasks()
    async with AsyncOptionReader(url) as reader:
        opening = getattr(reader, method)
        async with opening(*arguments) as entered:
            assert type(entered) is kind
            assert len(asyncio.all_tasks()) == len(tasks_before) + 1
        assert asyncio.all_tasks() == tasks_before  # closed
        awaited = await opening(*arguments)
        assert type(awaited) is kind
        await awaited.aclose()
        async with await opening(*arguments) as entered:
            assert type(entered) is kind
        assert asyncio.all_tasks() == tasks_before


async def test_it_is_closed_when_the_block_raises(url: str) -> None:
    tasks_before = asyncio.all_tasks()
    async with AsyncOptionReader(url) as reader:
        with pytest.raises(KeyError, match="of the block"):
            async with reader.watch("BTC"):
                raise KeyError("of the block")
        assert asyncio.all_tasks() == tasks_before


async def test_an_invalid_selection_is_refused_when_it_opens(url: str) -> None:
    async with AsyncOptionReader(url) as reader:
        opening = reader.watch("BTC", min_iv=80)
        assert isinstance(opening, Opening)
        with pytest.raises(BadInput, match="min_iv: 80 is 8000%"):
            async with opening:
                raise AssertionError("it opened")


CLOSES: list[Callable[[AsyncOptionReader], Awaitable[None] | None]] = [
    lambda reader: reader.close(),
    lambda reader: reader.aclose(),
]


@pytest.mark.parametrize("close", CLOSES)
async def test_a_reader_is_closed_and_can_read_again(
    store: Store, close: Callable[[AsyncOptionReader], Awaitable[None]]
) -> None:
    store.option(CALL)

    reader = AsyncOptionReader(store.url)
    for _ in range(2):
        await reader.get(CALL, require_live=False)
        await close(reader)
    reader.close()  # as programs before did, without `await`


async def test_a_task_takes_an_opening_as_any_coroutine(url: str) -> None:
    async with AsyncOptionReader(url) as reader:
        watch = await asyncio.create_task(reader.watch("BTC"))
        await watch.aclose()
