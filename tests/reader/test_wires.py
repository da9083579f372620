"""A reader over a Unix socket, as a user who may only read."""

import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.errors import StoreError
from fastopts.reader import AsyncOptionReader, OptionReader
from tests.support.store import CALL, CHANNEL, EPOCH, Store

READ_ONLY = (
    "on",
    ">s3cret",
    "~*",
    "&fastopts:updates:*",
    "-@all",
    "+@read",
    "+@connection",
    "+time",
)


class LocalValkey(EmbeddedValkey):
    """Listens on a Unix socket, too."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def _command(self) -> list[str]:
        return [*super()._command(), "--unixsocket", str(self.path)]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with LocalValkey(tmp_path / "v.sock") as server:
        store = Store(server)
        store.option(CALL)
        store.client.execute_command("ACL", "SETUSER", "reader", *READ_ONLY, "+subscribe")  # type: ignore[no-untyped-call]
        ending = threading.Event()
        thread = threading.Thread(target=_beat, args=(store, ending))
        thread.start()
        yield f"unix://reader:s3cret@{server.path}"
        ending.set()
        thread.join()
        store.client.close()


def _beat(store: Store, ending: threading.Event) -> None:
    """Say every few ms that nothing has changed, as a collector does."""
    number = 0
    while not ending.wait(0.02):
        number += 1
        pulse = struct.pack("<BxHIQ", 1, 0, EPOCH, number)
        store.client.publish(CHANNEL, pulse)


def test_everything_is_read_over_it(url: str) -> None:
    with OptionReader(url) as reader:
        assert reader.get(CALL).mark_price == 1218.5
        assert [option.symbol for option in reader.chain("BTC").options] == [CALL]
        assert [option.symbol for option in reader.scan()] == [CALL]
        assert reader.text(CALL)["mark_price"] == "1218.5"
        with reader.mirror([CALL]) as mirror:
            assert mirror.get(CALL).mark_price == 1218.5


async def test_everything_is_awaited_over_it(url: str) -> None:
    async with AsyncOptionReader(url) as reader:
        assert (await reader.get(CALL)).mark_price == 1218.5
        async with await reader.mirror([CALL]) as mirror:
            assert mirror.get(CALL).mark_price == 1218.5


def test_an_error_about_a_wrong_password_does_not_quote_it(url: str) -> None:
    with OptionReader(url.replace("s3cret", "hunter2")) as reader:
        with pytest.raises(StoreError, match="WRONGPASS") as caught:
            reader.get(CALL)
        assert "hunter2" not in str(caught.value)
