"""What docs/first-hour.md shows is what the commands print beside a collector and a simulator.

Numbers, symbols and lengths of time differ; the words do not.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from fastopts import keys
from fastopts.embedded import EmbeddedValkey
from fastopts.sim import SimSettings
from fastopts.sim.settings import ArgsMode
from tests.cli.process import Done
from tests.cli.process import fastopts_process as fastopts
from tests.docs.pages import DOCS, examples
from tests.sim.conftest import ThreadedVenue, until
from tests.support.processes import environ

PAGE: Final = DOCS / "first-hour.md"
LIVE: Final = "wss://stream.bybit.com/v5/public/option"
SYMBOL: Final = re.compile(r"\b[A-Z]{3,4}-\d+[A-Z]{3}\d+-[\d.]+-[CP](-USDT)?")
TIME: Final = re.compile(r"[+-]?[\d.]+( ± \d+)? m?s\b|\d+m \d+s")
NUMBER: Final = re.compile(r"\d[\d,.:Z]*")
WORDS: Final = {
    "delta": "GREEK",
    **dict.fromkeys(("gamma", "vega", "theta"), "GREEK"),
    **dict.fromkeys(("ETH", "SOL", "XRP"), "BTC"),
}


@dataclass
class RunningFeed:
    """A collector that runs beside a simulated venue, and what leads to both."""

    venue: ThreadedVenue
    valkey: EmbeddedValkey
    client: redis.Redis
    cwd: Path
    collector: subprocess.Popen[bytes]

    @property
    def environ(self) -> dict[str, str]:
        return {
            "FASTOPTS_VENUE": "sim",
            "FASTOPTS_REST_URL": self.venue.venue.rest_url,
            "FASTOPTS_WS_URL": self.venue.venue.ws_url,
            "FASTOPTS_REDIS_URL": self.valkey.url,
        }

    @property
    def log(self) -> str:
        return (self.cwd / "log").read_text()

    def run(self, *words: str) -> Done:
        return fastopts(*words, cwd=self.cwd, **self.environ)

    def track(self) -> None:
        """Start the collector, and wait until all is live."""
        with (self.cwd / "log").open("wb") as log:
            command = [sys.executable, "-m", "fastopts.cli", "track", "--status-s", "0.5"]
            self.collector = subprocess.Popen(
                command, stderr=log, cwd=self.cwd, env=environ(**self.environ)
            )
        count = len(self.venue.venue.symbols)
        until(lambda: f"{count} of {count} symbols live" in self.log, 30)

    @property
    def silent_ms(self) -> float:
        """How long ago the collector's heart beat last."""
        seconds, microseconds = self.client.time()
        beat_ms = int(str(self.client.hget(keys.FEED, "heartbeat_ms")))
        return seconds * 1000 + microseconds / 1000 - beat_ms

    def is_told(self) -> bool:
        """Whether feed and counters have been written since all is live."""
        covered, _, wanted = str(self.client.hget(keys.FEED, "coverage")).partition("/")
        return covered == wanted and bool(self.client.hget(keys.STATS, "received"))


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFeed]:
    with ThreadedVenue(SimSettings(symbols=240, rate=400)) as venue, EmbeddedValkey() as valkey:
        client = redis.Redis.from_url(valkey.url, protocol=2, decode_responses=True)
        made = RunningFeed(venue, valkey, client, tmp_path_factory.mktemp("feed"), None)  # type: ignore[arg-type]
        made.track()
        until(made.is_told)
        yield made
        made.collector.kill()
        made.collector.wait()
        client.close()


def shape(line: str) -> str:
    """A line without what differs from run to run."""
    line = re.sub(r"(?<=clock ).*", "", line)  # it may be ahead, behind or as ours
    line = TIME.sub("T", SYMBOL.sub("SYMBOL", line)).replace("localhost", "127.0.0.1")
    words = NUMBER.sub("N", line).split()
    return " ".join(WORDS.get(word, word) for word in words)


def shapes(text: str) -> set[str]:
    return set(map(shape, text.splitlines()))


def lacking(told: set[str], printed: str) -> set[str]:
    """Promised lines that were not printed; a line that ends in `…` may go on in any way."""
    there = shapes(printed)
    return {
        line
        for line in told - there
        if not (line.endswith("…") and any(one.startswith(line[:-1]) for one in there))
    }


def shown(title: str) -> list[set[str]]:
    """The shapes of what a section of the page shows, block by block."""
    section = PAGE.read_text().partition(f"# {title}\n")[2]
    section = re.split(r"^#+ ", section, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```text\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert blocks, title
    return [shapes(block) for block in blocks]


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Minute 0: can it work?", ["doctor"]),
        ("Minute 2: is it alive and complete?", ["status"]),
        ("Minute 3: is it correct?", ["verify"]),
    ],
)
def test_a_command_prints_what_the_page_shows(
    feed: RunningFeed, title: str, words: list[str]
) -> None:
    done = feed.run(*words)
    [told] = shown(title)
    assert (done.code, done.err) == (0, "")
    assert not lacking(told, done.out)


def test_the_collector_logs_what_the_page_shows(feed: RunningFeed) -> None:
    [told] = shown("Minute 1: start it")
    until(lambda: not lacking(told, feed.log))


def test_an_emptied_redis_is_reported_and_filled_again(feed: RunningFeed) -> None:
    feed.client.flushall()
    [told] = shown("An emptied Redis")
    until(lambda: not lacking(told, feed.log))
    until(feed.is_told)
    assert feed.run("verify").code == 0


def test_a_second_collector_gives_up_as_shown(feed: RunningFeed) -> None:
    done = feed.run("track")
    [told] = shown("A second collector")
    assert (done.code, lacking(told, done.err)) == (2, set())


@pytest.mark.parametrize(("mode", "share"), [("frame", 1.0), ("connection", 0.5)])
def test_the_experiment_finds_what_the_limit_counts(
    capsys: pytest.CaptureFixture[str], mode: ArgsMode, share: float
) -> None:
    [script] = examples(PAGE, "py")
    settings = SimSettings(
        symbols=800, coins=("BTC",), rate=100, args_mode=mode, args_chars_max=15_000
    )
    with ThreadedVenue(settings) as venue, EmbeddedValkey() as valkey:
        with redis.Redis.from_url(valkey.url, protocol=2) as client:
            client.sadd("options:BTC", *venue.venue.symbols)
        code = script.code.replace(LIVE, venue.venue.ws_url)
        assert code != script.code
        names: dict[str, Any] = {}
        quick = code.replace("PATIENCE_S = 20", "PATIENCE_S = 2").replace("sleep(0.2)", "sleep(0)")
        exec(quick.replace("redis://localhost:6379", valkey.url), names)
    count = len(names["topics"])
    assert len(names["heard"]) / count == pytest.approx(share, abs=0.1)
    assert f"characters: {len(names['heard'])} of {count} topics" in capsys.readouterr().out


def test_a_killed_collector_is_reported(feed: RunningFeed) -> None:
    feed.collector.kill()
    feed.collector.wait()
    feed.client.hset(keys.FEED, "heartbeat_limit_ms", 500)  # sooner than after five seconds
    until(lambda: feed.silent_ms > 500)
    assert "is dead" in feed.run("verify").err
    told, refused = shown("kill -9 of the collector")
    done = feed.run("status")
    assert (done.code, lacking(told, done.out)) == (1, set())
    done = feed.run("get", feed.venue.venue.symbols[0])
    assert (done.code, lacking(refused, done.err)) == (1, set())
