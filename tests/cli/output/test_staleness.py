"""What is shown of a dead feed on demand is said to be so, in every command that shows it."""

from pathlib import Path

import pytest

from tests.cli import market as listed
from tests.cli.conftest import Read
from tests.cli.terminal import on_terminal
from tests.support.store import Store

TOLD = "NOT LIVE: the collector has ended; "
COMMANDS = [
    ["chain", "BTC", "25DEC60"],
    ["smile", "BTC", "25DEC60"],
    ["expiries", "BTC"],
    ["scan", "--raw"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("json", [[], ["--json"]], ids=["people", "json"])
def test_a_pipe_has_it_on_stderr(
    read: Read, market: Store, words: list[str], json: list[str]
) -> None:
    listed.feed(market, heartbeat_ms=0)
    done = read(*words, "--stale", *json)
    assert done.code == 0
    assert TOLD in done.err
    assert " old\n" in done.err
    assert TOLD not in done.out
    assert done.out


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_terminal_has_it_on_the_screen(market: Store, words: list[str]) -> None:
    listed.feed(market, heartbeat_ms=0)
    shown = on_terminal(*words, "--stale", "--redis-url", market.url, columns=120)
    assert TOLD in shown


def test_an_export_says_it_beside_the_count(read: Read, market: Store, tmp_path: Path) -> None:
    listed.feed(market, heartbeat_ms=0)
    done = read("export", "x.csv", "--stale")
    assert (done.code, TOLD in done.err) == (0, True)
    assert (tmp_path / "x.csv").exists()


def test_nothing_is_said_where_all_is_live(read: Read) -> None:
    for words in (["chain", "BTC", "25DEC60"], ["smile", "BTC", "25DEC60"]):
        assert read(*words, "--stale").err == ""


def test_stale_values_of_a_live_feed_are_counted(read: Read) -> None:
    done = read("chain", "BTC", "27NOV60", "--stale", "--json")
    assert "NOT LIVE; 1 of 6 options are not live" in done.err
