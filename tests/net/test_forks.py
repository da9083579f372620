"""A forked child that goes on in a guarded loop ends, whatever the loop was about to do."""

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest

from fastopts.net import forks
from tests.support.loops import LOOPS, UVLOOP

BACKLOG = bytes(8_000_000)  # more than the buffers of a connection that nobody reads


@pytest.fixture
def unread() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_a_child_of_a_loop_that_is_about_to_watch_for_more_is_ended(
    unread: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    with forks.guarded():
        running = asyncio.get_running_loop()
        transport, protocol = await running.create_connection(
            asyncio.Protocol, *unread.getsockname()
        )
        forks.keep(protocol, transport)
        await asyncio.sleep(0)
        transport.write(BACKLOG)  # what does not fit now waits until the socket is writable
        child = os.fork()
        if child == 0:
            await asyncio.sleep(5)
            os._exit(77)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        transport.abort()
        assert os.waitstatus_to_exitcode(status) == 1
    assert "a forked child of a collector can't go on as one" in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
@pytest.mark.parametrize("anyio_backend", [UVLOOP])
async def test_nothing_else_of_uvloop_runs_in_the_child(capfd: pytest.CaptureFixture[str]) -> None:
    """Not what was ready, and not the poll behind it: by the ring for that, child and parent would
    get into each other's way, and abort."""
    here = os.getpid()
    read_end, write_end = os.pipe()

    with forks.guarded():
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(os.write, write_end, b"x")
        child = os.fork()
        if child == 0:
            await asyncio.sleep(5)
            os._exit(77)
        assert os.getpid() == here
        _, status = os.waitpid(child, 0)  # noqa: ASYNC222 - the loop is to stand still
        assert os.waitstatus_to_exitcode(status) == 1
        await asyncio.sleep(0)
    os.close(write_end)
    assert os.read(read_end, 10) == b"x"  # the parent's
    os.close(read_end)
    assert "a forked child of a collector can't go on as one" in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_a_child_that_does_not_return_to_the_loop_does_what_it_was_made_for() -> None:
    def work() -> int:
        return sum(range(10))

    with forks.guarded():
        child = os.fork()
        if child == 0:
            os._exit(work())
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 45
