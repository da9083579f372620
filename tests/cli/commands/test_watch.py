import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastopts.cli.commands.watch import _levels
from fastopts.reader import Move
from tests.cli.process import Done, fastopts, start
from tests.cli.terminal import on_terminal
from tests.docs.announcer import MovingAnnouncer
from tests.docs.market import MOVING, list_market
from tests.reader.options import make, terms
from tests.support.store import Store


@pytest.fixture
def url(store: Store) -> Iterator[str]:
    """A server whose market has one option that moves by 8 %, to and fro."""
    with MovingAnnouncer(store, list_market(store)):
        yield store.url


def watch(url: str, *words: str, cwd: Path) -> Done:
    return fastopts("watch", *words, cwd=cwd, FASTOPTS_REDIS_URL=url)


def test_changes_come_as_json_an_object_a_line(url: str, tmp_path: Path) -> None:
    done = watch(url, "ETH", "--limit", "3", "--json", cwd=tmp_path)
    assert (done.code, done.err, len(done.objects)) == (0, "", 3)
    changes = [found for found in done.objects if "gap" not in found]
    assert {change["symbol"] for change in changes} == {MOVING}
    assert all(change["live"] for change in changes)


def test_it_begins_with_what_there_is_where_it_meets_the_bounds(url: str, tmp_path: Path) -> None:
    words = ("BTC", "--initial", "--type", "c", "--settle", "usdt", "--max-strike", "90000")
    done = watch(url, *words, "--duration", "1s", "--json", cwd=tmp_path)
    found = {change["symbol"] for change in done.objects}
    assert found == {
        f"BTC-{day}-{k}-C-USDT" for day in ("29JAN27", "25JUN27") for k in (80000, 90000)
    }


def test_moves_are_measured_from_the_last_reported_one(url: str, tmp_path: Path) -> None:
    done = watch(url, MOVING.lower(), "--moves", "5%", "--limit", "4", "--json", cwd=tmp_path)
    moves = [found for found in done.objects if "gap" not in found]
    assert moves
    for move in moves:
        assert (move["symbol"], move["field"]) == (MOVING, "mark_price")
        assert move["change"] == pytest.approx(move["after"] / move["before"] - 1)
        assert abs(move["change"]) == pytest.approx(0.08, abs=0.01)


def test_a_move_fits_a_narrow_terminal(url: str) -> None:
    words = ("watch", MOVING, "--moves", "5%", "--limit", "1", "--redis-url", url)
    [*_, wide] = on_terminal(*words, columns=100).splitlines()
    assert re.search(r"  mark [\d,.]+ -> [\d,.]+ [+-]\d\.\d%$", wide)
    [*_, narrow] = on_terminal(*words, columns=56).splitlines()
    assert re.search(r" mark [\d,.]+ [+-]\d\.\d%$", narrow)
    assert len(narrow) <= 56


def test_a_move_has_the_digits_that_show_it() -> None:
    option = make(instrument=terms())
    small = Move(option.symbol, "mark_price", 0.2712, 0.2706, -0.0022, option)
    assert _levels(small) == ("0.2712", "0.2706")
    large = Move(option.symbol, "mark_price", 1218.52, 1302.97, 0.069, option)
    assert _levels(large) == ("1,218.5", "1,303.0")


def test_people_read_lines(url: str, tmp_path: Path) -> None:
    done = watch(url, MOVING, "--limit", "2", cwd=tmp_path)
    [line, *_] = [text for text in done.out.splitlines() if MOVING in text]
    assert line.split()[0].endswith("Z")
    assert "  mark 1,302.97  mark IV " in line


def test_on_a_terminal_what_has_no_room_is_left_out(url: str) -> None:
    words = ("watch", MOVING, "--initial", "--limit", "1", "--redis-url", url)
    # before it stands how far the clock of the docs' market is off
    [*_, line] = on_terminal(*words, columns=80).splitlines()
    assert MOVING in line
    assert "  bid  1,283.4  ask  1,322.6" in line
    assert "delta" not in line
    assert len(line) <= 80
    # narrow, it has the bid and the ask all the same
    [*_, line] = on_terminal(*words, columns=60).splitlines()
    assert line.endswith(f" {MOVING}  bid  1,283.4 ask  1,322.6")
    assert len(line) <= 60


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["ETHUSDC-25JUN27-4500-P"], 1, f"did you mean {MOVING}?"),
        (
            [MOVING, "NOPE-1"],
            1,
            "1 of 2 symbols are not available: there is no option 'NOPE-1'",
        ),
        (["BTC-1JAN20-1-C-USDT"], 1, "BTC-1JAN20-1-C-USDT expired at 2020-01-01 08:00 UTC"),
        (["DOGE"], 1, "no options of DOGE here"),
        (["BTC", "--settle", "EUR"], 2, "--settle: no options of BTC are settled in EUR"),
        (["BTC", "--expiry", "30JAN31"], 2, "--expiry: no options of BTC are delivered on 30JAN31"),
        (["BTC", "--min-delta", "25"], 2, "--min-delta: 25 is not a delta: write 0.25"),
        (["BTC", "--moves", "-5%"], 2, "--moves: "),
    ],
)
def test_a_selection_that_can_never_match_ends_at_once(
    url: str, tmp_path: Path, words: list[str], code: int, told: str
) -> None:
    done = watch(url, *words, cwd=tmp_path)
    assert (done.code, done.out) == (code, "")
    assert told in done.err


def test_a_dead_feed_is_reported_at_once_and_ends_with_1(store: Store, tmp_path: Path) -> None:
    list_market(store)
    store.feed(heartbeat_ms=0)
    done = watch(store.url, "BTC", "--duration", "1s", cwd=tmp_path)
    assert (done.code, done.out) == (1, "broken: the collector has ended\n")
    done = watch(store.url, "BTC", "--limit", "1", "--json", cwd=tmp_path)
    assert done.code == 1
    assert done.objects == [{"gap": "broken", "count": 0, "reason": "the collector has ended"}]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(url: str, tmp_path: Path, number: signal.Signals) -> None:
    with start("watch", "ETH", "--json", cwd=tmp_path, FASTOPTS_REDIS_URL=url) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: -signal.SIGTERM}[number]
    assert err == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("BTC", "--moves", "5%", "--type", "C"), "--moves takes no bounds"),
        (("BTC", "--moves", "80"), "80 is 8000 %"),
        (("BTC", "--expiry", "front"), "a watch can't follow 'front'"),
        (("BTC", "--duration", "soon"), "a time such as 90"),
        (("BTC", "--moves", "5%", "--field", "symbol"), "'symbol' has no numbers to move"),
        ((), "missing argument ASSET|SYMBOL"),
    ],
)
def test_what_can_not_be_meant_is_reported(
    store: Store, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    done = watch(store.url, *words, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert len(done.err.splitlines()) == 1


def test_where_nothing_is_announced_it_says_so(store: Store, tmp_path: Path) -> None:
    list_market(store)
    done = watch(store.url, "BTC", cwd=tmp_path)
    assert done.code == 1
    assert "no announcement received yet" in done.err
