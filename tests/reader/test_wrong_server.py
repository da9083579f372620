"""A URL with the wrong port: no server, or one that is not Redis."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from fastopts.errors import StoreError, StoreUnavailable
from fastopts.reader import AsyncOptionReader, OptionReader
from tests.support.ports import free_port
from tests.support.store import CALL


@pytest.fixture(scope="module")
def web_server() -> Iterator[int]:
    """The port of a web server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class Silent(http.server.BaseHTTPRequestHandler):
    """Answers HTTP, and logs nothing."""

    # so that its answer to a request that is not HTTP begins with a status line
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Print nothing."""


# With a database, the first commands of a connection are its introduction.
@pytest.mark.parametrize("database", ["", "/1"])
async def test_a_web_server_is_named_with_the_remedy(web_server: int, database: str) -> None:
    url = f"redis://127.0.0.1:{web_server}{database}"
    message = f"{url} is not Redis (a web server): check the host and the port of the URL"
    with OptionReader(url) as reader:
        with pytest.raises(StoreError) as reading:
            reader.get(CALL)
        with pytest.raises(StoreError) as mirroring, reader.mirror([CALL]):
            pass
    async with AsyncOptionReader(url) as reader:
        with pytest.raises(StoreError) as reading_async:
            await reader.get(CALL)
        with pytest.raises(StoreError) as mirroring_async:
            async with reader.mirror([CALL]):
                pass
    for caught in (reading, mirroring, reading_async, mirroring_async):
        assert str(caught.value) == message


async def test_where_no_server_listens_the_remedy_suits_the_surface() -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    with OptionReader(url) as reader:
        with pytest.raises(StoreUnavailable) as reading:
            reader.get(CALL)
        with pytest.raises(StoreUnavailable) as mirroring, reader.mirror([CALL]):
            pass
    async with AsyncOptionReader(url) as reader:
        with pytest.raises(StoreUnavailable) as reading_async:
            await reader.get(CALL)
    for caught in (reading, mirroring, reading_async):
        error = caught.value
        [note] = error.__notes__
        assert note.startswith("no server listens there: pass the URL of another one")
        assert error.worded("http") == str(error)
        assert "another one with --redis-url, or start one: fastopts track" in error.worded(
            "command"
        )


def test_a_missing_unix_socket_is_a_missing_server() -> None:
    reader = OptionReader("unix:///nonexistent/redis.sock")
    with reader, pytest.raises(StoreUnavailable) as caught:
        reader.get(CALL)
    assert caught.value.is_refused
