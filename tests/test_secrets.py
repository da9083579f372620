"""A password in every place where one may be set, and in some where none should: it never leaks.

Its letters are looked for in all output: streams, files, Redis, the list of processes.
"""

import logging
import socketserver
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pytest
import redis

from fastopts.cli.__main__ import main
from fastopts.cli.command_list import COMMANDS
from fastopts.compat import EfficientTradeExecutor, MinimalTradeBot, OptionsDataReader
from fastopts.config import Secret, Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import FastoptsError, StoreError
from fastopts.logs import set_up_logging
from fastopts.net import proxy
from fastopts.net.http import HttpClient
from fastopts.net.redis import address
from fastopts.reader import AsyncOptionReader, OptionReader
from tests.net.test_proxy import VARIABLES
from tests.support.loops import finished
from tests.support.processes import SIM_URLS, environ
from tests.support.store import CALL, Store
from tests.support.waiting import PATIENCE_S

CLUE: Final = "k4n4ri"
PASSWORD: Final = f"{CLUE}#/@%+:?é €'{CLUE}"
CODED: Final = quote(PASSWORD, safe="")

COLLECTING: Final = ("track", "fetch", "refresh", "sim")
DEMO: Final = ("demo",)  # has a Redis of its own; tests/demo
SERVING: Final = ("serve",)  # tests/faults/ap/test_inside.py
# What is added to the name of a command that reads, so that it does something.
WORDS: Final = {
    "status": [],
    "summary": [],
    "expiries": ["BTC"],
    "chain": ["BTC"],
    "smile": ["BTC"],
    "get": [CALL],
    "scan": ["BTC"],
    "watch": ["BTC"],
    "top": ["BTC"],
    "export": ["market.csv"],
    "doctor": ["--offline"],
    "verify": [],
    "fields": [],
    "history": ["info", "missing.mcap"],
    "completion": ["bash"],
}
STORELESS: Final = ("fields", "sim", "history", "completion")
ENDLESS: Final = ("watch", "top", "verify")


class SecretSlot(NamedTuple):
    """Where a Redis URL, or a password, is given to a command."""

    variables: dict[str, str]
    options: list[str]
    file: str = ""


def slots(host: str, code: str = CODED) -> dict[str, SecretSlot]:
    """The same password in each of them; *code* is how the URLs have it."""
    url = f"redis://:{code}@{host}"
    return {
        "password": SecretSlot(
            {"FASTOPTS_REDIS_URL": f"redis://{host}", "REDIS_PASSWORD": PASSWORD}, []
        ),
        "variable": SecretSlot({"FASTOPTS_REDIS_URL": url}, []),
        "user": SecretSlot({"FASTOPTS_REDIS_URL": f"redis://default:{code}@{host}"}, []),
        "option": SecretSlot({}, ["--redis-url", url]),
        "file": SecretSlot({}, [], f'redis_url = "{url}"\n'),
    }


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedValkey]:
    """One that holds an option, and asks for the password."""
    with EmbeddedValkey() as made:
        store = Store(made)
        store.option(CALL)
        store.feed(heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
        store.client.config_set("requirepass", PASSWORD)
        store.client.close()
        yield made


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for name in (*VARIABLES, *(name.lower() for name in VARIABLES)):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def written(folder: Path) -> str:
    """The contents of the files there, except the settings."""
    names = [path for path in folder.rglob("*") if path.is_file()]
    return "".join(p.read_text() for p in names if p.name != "fastopts.toml")


def command(
    name: str, slot: SecretSlot, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Run a command that reads; its exit code, and all that it printed and wrote."""
    for variable, value in slot.variables.items():
        monkeypatch.setenv(variable, value)
    if slot.file:
        Path("fastopts.toml").write_text(slot.file)
    options = [] if name in STORELESS else slot.options
    code = main([name, *WORDS[name], *options])
    out, err = capfd.readouterr()
    return code, out + err + written(Path())


def test_every_command_is_tried() -> None:
    assert {*WORDS, *COLLECTING, *SERVING, *DEMO} == set(COMMANDS)


@pytest.mark.parametrize("name", [name for name in WORDS if name not in ENDLESS])
@pytest.mark.parametrize("slot", slots(""))
def test_a_reading_command_never_shows_it(
    server: EmbeddedValkey,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    slot: str,
    name: str,
) -> None:
    given = slots(f"127.0.0.1:{server.port}")[slot]
    code, told = command(name, given, monkeypatch, capfd)
    assert code in (0, 1)
    assert "NOAUTH" not in told
    assert "WRONGPASS" not in told
    assert CLUE not in told


UNREACHABLE: Final = ("127.0.0.1:1", "127.0.0.1:port", "h ost", "a..b:1", "h/x", "h?t=1")


@pytest.mark.parametrize(
    ("name", "slot"),
    [*((name, "option") for name in WORDS), *(("status", slot) for slot in slots(""))],
)
@pytest.mark.parametrize("host", UNREACHABLE)
def test_a_failing_command_never_shows_it(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    slot: str,
    name: str,
    host: str,
) -> None:
    code, told = command(name, slots(host)[slot], monkeypatch, capfd)
    assert code in (0, 1, 2)
    assert CLUE not in told


@pytest.mark.parametrize("name", ["status", "doctor", "get"])
@pytest.mark.parametrize("slot", ["variable", "user", "option", "file"])
def test_a_password_that_is_not_encoded_is_refused_and_never_shown(
    server: EmbeddedValkey,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    slot: str,
    name: str,
) -> None:
    given = slots(f"127.0.0.1:{server.port}", PASSWORD)[slot]
    code, told = command(name, given, monkeypatch, capfd)
    assert code == 2
    assert CLUE not in told


@pytest.mark.parametrize("name", ["status", "doctor", "watch"])
def test_a_wrong_password_is_never_shown(
    server: EmbeddedValkey,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    given = slots(f"127.0.0.1:{server.port}", f"{CLUE}-wrong")["variable"]
    code, told = command(name, given, monkeypatch, capfd)
    assert code == 1
    assert "WRONGPASS" in told
    assert CLUE not in told


URL: Final = f"redis://:{CODED}@h"
RAW_URL: Final = f"redis://user:{PASSWORD}@h"


@pytest.mark.parametrize("url", [URL, RAW_URL])
@pytest.mark.parametrize(
    "words",
    [
        *(["{}"], ["get", "{}"], ["chain", "{}"], ["chain", "BTC", "{}"], ["status", "{}"]),
        *(["scan", "{}"], ["status", "--venue", "{}"], ["scan", "BTC", "--min-iv", "{}"]),
        *(["export", "{}"], ["doctor", "--rest-url", "{}"], ["watch", "{}"], ["status", "--{}"]),
        *(["track", "{}"], ["track", "--venue", "{}"], ["fetch", "--coins", "{}"]),
        *(["track", "-redis-url", "{}"], ["track", "--ws-url", "{}"], ["track", "--rest-url={}"]),
        *(["track", "--duration", "{}"], ["track", "--log-format", "{}"], ["track", "--{}=1"]),
    ],
    ids=" ".join,
)
def test_an_error_about_a_misplaced_url_does_not_quote_it(
    capfd: pytest.CaptureFixture[str], words: list[str], url: str
) -> None:
    code = main([word.format(url) for word in words])
    out, err = capfd.readouterr()
    assert code in (1, 2)
    assert CLUE not in out + err


@pytest.mark.parametrize("name", ["VENUE", "COINS", "REST_URL", "WS_URL", "DURATION", "LOG_FORMAT"])
def test_an_error_about_a_misplaced_variable_does_not_quote_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv(f"FASTOPTS_{name}", f"https://user:{PASSWORD}@h")
    assert main(["status"]) == 2
    assert CLUE not in "".join(capfd.readouterr())


def start(*words: str, cwd: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environ(**variables),
    )


@pytest.fixture(scope="module")
def sim() -> Iterator[list[str]]:
    """Arguments that point a collector at a simulated venue."""
    words = ["-m", "fastopts.sim", "--port", "0", "--symbols", "40"]
    with start(*words, cwd=Path()) as process:
        assert process.stdout is not None
        found = SIM_URLS.search(process.stdout.readline())
        assert found is not None
        yield ["--venue", "sim", "--rest-url", found[1], "--ws-url", found[2], "--coins", "BTC"]
        process.terminate()


def command_lines() -> str:
    """The list of processes, as any user of the machine sees it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(found)


@pytest.mark.parametrize(
    ("slot", "form"), [("password", "text"), ("variable", "json"), ("file", "text")]
)
def test_a_collector_never_shows_it(place: Path, sim: list[str], slot: str, form: str) -> None:
    with EmbeddedValkey(password=PASSWORD) as valkey:
        given = slots(f"127.0.0.1:{valkey.port}")[slot]
        (place / "fastopts.toml").write_text(given.file)
        words = ["-m", "fastopts.track", *sim, "--log-format", form, "--duration", "0.3s"]
        with start(*words, *given.options, cwd=place, **given.variables) as process:
            lines = command_lines()
            out, err = process.communicate(timeout=30)
        with redis.Redis(port=valkey.port, password=PASSWORD, decode_responses=True) as client:
            held: list[Any] = [client.hgetall(key) for key in ("stats", "fastopts:feed")]
    assert process.returncode == 0, err
    assert held[1]["venue"] == "sim"
    assert "options on BTC" in err
    assert CLUE not in out + err + written(place) + str(held) + lines


def test_an_embedded_server_shows_it_in_no_list_of_processes(place: Path, sim: list[str]) -> None:
    words = ["-m", "fastopts.track", *sim, "--status-s", "0.1"]
    with start(*words, cwd=place, REDIS_PASSWORD=PASSWORD) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "options on BTC" in line)
        lines = command_lines()
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert "valkey-server" in lines
    assert CLUE not in said + out + err + lines + written(place)


BUG = """
import sys
from fastopts import track
from fastopts.collector.store import server

async def broken(channel, venue):
    raise ZeroDivisionError("a bug")

server.inspect = broken
sys.exit(track.main(sys.argv[1:]))
"""


def test_the_traceback_of_a_bug_never_shows_it(place: Path, sim: list[str]) -> None:
    with EmbeddedValkey(password=PASSWORD) as valkey:
        given = slots(f"127.0.0.1:{valkey.port}")["variable"]
        words = ["-X", "dev", "-c", BUG, "track", *sim]
        with start(*words, cwd=place, **given.variables) as process:
            out, err = process.communicate(timeout=30)
    assert "ZeroDivisionError: a bug" in err
    assert CLUE not in out + err


@contextmanager
def repeating() -> Iterator[int]:
    """The port of a server without AUTH whose error quotes the arguments, as Redis does."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while data := self.request.recv(65536):
                told = b"-ERR unknown command 'AUTH', with args beginning with: '%b'\r\n"
                for command in filter(None, data.split(b"*")):
                    self.request.sendall(told % command.replace(b"\r\n", b" "))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made.server_address[1]
        made.shutdown()
        thread.join()


def ask(url: str) -> None:
    with OptionReader(url) as reader:
        reader.get(CALL)


def mirror(url: str) -> None:
    with OptionReader(url, timeout_s=PATIENCE_S) as reader:
        reader.mirror([CALL])


async def ask_async(url: str) -> None:
    async with AsyncOptionReader(url) as reader:
        await reader.get(CALL)


@pytest.mark.parametrize("call", [ask, mirror, ask_async])
async def test_a_server_that_repeats_it_is_not_quoted(call: Callable[[str], object]) -> None:
    with repeating() as port, pytest.raises(StoreError, match="unknown command") as caught:
        await finished(call(f"redis://:{CLUE}@127.0.0.1:{port}"))
    assert CLUE not in "".join(traceback.format_exception(caught.value)) + caught.value.reply


READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "reader": OptionReader,
    "async": AsyncOptionReader,
    "executor": lambda url: EfficientTradeExecutor(url=url),
    "bot": lambda url: MinimalTradeBot(url=url),
    "data": lambda url: OptionsDataReader(url=url),
}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("host", ["127.0.0.1:1", "127.0.0.1:port", "h ost", "h/x", "h?t=1", "[h"])
@pytest.mark.parametrize("code", [CODED, PASSWORD])
def test_no_object_and_no_traceback_of_a_reader_has_it(kind: str, host: str, code: str) -> None:
    told = ""
    try:
        made = READERS[kind](f"redis://user:{code}@{host}")
        told = repr(made) + str(made) + repr(getattr(made, "redis", ""))
        told += repr(getattr(made, "redis_client", ""))
        for name in ("get_stats", "get_summary"):
            told += str(getattr(made, name, dict)())
    except FastoptsError as error:
        told += "".join(traceback.format_exception(error))
    assert told
    assert CLUE not in told


def test_no_repr_has_it() -> None:
    found = address.parse(f"redis://:{CODED}@h")
    settings = Settings(redis_url=Secret(URL), redis_password=Secret(PASSWORD))
    assert found.password == PASSWORD
    assert CLUE not in f"{found} {found!r} {settings} {settings!r} {[settings.redis_url]}"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:1", "127.0.0.1:port", "h%zz:1", "h ost:1", "[h", "a..b:1", "h/x@y:1"),
        *("h:1/x?y", "h:0", f"{'a' * 64}.test:1"),
    ],
)
@pytest.mark.parametrize("code", [CODED, f"{CLUE}/x", f"1?{CLUE}"])
async def test_no_error_on_the_way_through_a_proxy_has_it(
    monkeypatch: pytest.MonkeyPatch, scheme: str, host: str, code: str
) -> None:
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://user:{code}@{host}")
    with (
        pytest.raises(FastoptsError) as caught,
        closing(HttpClient(f"{scheme}://venue.test", "fastopts-tests")) as client,
    ):
        client.get("/", {})
    assert CLUE not in str(caught.value)
    with pytest.raises((FastoptsError, OSError)) as caught_too:
        await proxy.reach(f"{scheme}://venue.test", "venue.test", 443)
    assert CLUE not in str(caught_too.value)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_of_the_log_masks_what_looks_like_it(
    capfd: pytest.CaptureFixture[str], form: str
) -> None:
    root = logging.getLogger("fastopts")
    before = root.handlers[:], root.level, root.propagate
    handler = set_up_logging(form)
    try:
        error = ValueError(RAW_URL)
        root.error("no way to %s", URL, exc_info=error)
        handler.close()
    finally:
        root.handlers[:], root.propagate = before[0], before[2]
        root.setLevel(before[1])
    told = capfd.readouterr().err
    assert "no way to redis://***@h" in told
    assert CLUE not in told
