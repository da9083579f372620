"""`Opening`: a watch or mirror that is about to open: await it, or enter it with `async with`."""

from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar

__all__ = ("CLOSED", "Closed", "Opening", "opening")


class _Resource(Protocol):
    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


P = ParamSpec("P")
R = TypeVar("R", bound=_Resource)


class Opening(Coroutine[Any, Any, R], Generic[R]):
    """What `AsyncOptionReader.watch`, `watch_moves` and `mirror` return: await it, or enter it.

    `async with reader.watch("BTC") as watch` opens the watch and closes it at the end;
    `watch = await reader.watch("BTC")` opens it, and the caller closes it. It is a coroutine, so
    that `asyncio.create_task` and `asyncio.run` take it.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, R]) -> None:
        self._coroutine = coroutine
        self._resource: R | None = None

    def __await__(self) -> Generator[Any, Any, R]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        """Resume the coroutine, as for any coroutine."""
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an exception within the coroutine, as for any coroutine."""
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """End the coroutine, as for any coroutine."""
        self._coroutine.close()

    async def __aenter__(self) -> R:
        self._resource = await self._coroutine
        return await self._resource.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._resource is not None
        await self._resource.__aexit__(kind, error, traceback)


def opening(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Opening[R]]:
    """Have the coroutine function *method* return an Opening, with the same arguments."""

    @wraps(method)
    def call(*arguments: P.args, **options: P.kwargs) -> Opening[R]:
        return Opening(method(*arguments, **options))

    return call


class Closed:
    """What `AsyncOptionReader.close` returns: nothing is left to wait for, so that both
    `reader.close()` and `await reader.close()` are complete."""

    def __await__(self) -> Generator[None, None, None]:
        return
        yield  # makes it a generator, which ends at once


CLOSED = Closed()
