"""The market as it was: values, liveness, listing and errors, over files of a recording."""

import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fastopts import OptionReader
from fastopts.errors import (
    ConnectionMuted,
    Expired,
    FeedDown,
    NotRecorded,
    NotYetLive,
    TooOld,
    Unknown,
)
from fastopts.history import History
from fastopts.history.past import PastReader
from fastopts.model import FLAG_REST
from tests.history.files import EPOCH, RecordedTick, at, instrument, market, ms, record_of
from tools import make_readers

CALL = "BTC-27NOV26-91000-C-USDT"
ETH = "ETH-27NOV26-3000-C"


@pytest.mark.parametrize("seconds", [0.5, 1.25, 11.2, 39.99, 40, 41.25, 59.999, 100.1, 200])
def test_records_are_those_of_the_newest_ticks_bit_for_bit(tmp_path: Path, seconds: float) -> None:
    recording = market()
    past = History(recording.write(tmp_path)).at(at(seconds))
    newest = {tick.symbol: tick for tick in recording.ticks if tick.seconds <= seconds}
    options = past.get_many(sorted(newest), require_live=False)
    records = {each.symbol: each.record for each in options if each}
    assert records == {
        name: record_of(tick, recording.terms[name]) for name, tick in newest.items()
    }
    assert past.at == at(seconds)
    later = set(recording.terms) - set(newest)
    for absent in past.get_many(sorted(later), require_live=False):
        assert not absent
        assert isinstance(absent.reason, NotYetLive)


def test_a_number_that_no_decimal_column_holds_is_exact(tmp_path: Path) -> None:
    past = History(market().write(tmp_path)).at(at(9))
    assert past.get(ETH, require_live=False).total_turnover == float("1" * 16)


def test_numbers_with_18_digits_are_the_nearest_doubles(tmp_path: Path) -> None:
    texts = ["9007199254.74099301", "-1234567890.12345678", "0.00000001", "1.1", "-0.3"]
    recording = market()
    numbers = dict(zip(("mark_price", "theta", "gamma", "vega", "delta"), texts, strict=True))
    recording.ticks.append(RecordedTick(50, ETH, numbers))
    option = History(recording.write(tmp_path)).at(at(51)).get(ETH)
    values = [option.mark_price, option.theta, option.gamma, option.vega, option.delta]
    assert values == [float(text) for text in texts]


def test_a_chain_has_the_figures_and_ages_of_then(tmp_path: Path) -> None:
    chain = History(market().write(tmp_path)).at(at(42)).chain("BTC", "27NOV26")
    assert len(chain.options) == 6
    assert chain.forward == 91_000.41
    assert chain.moment.venue_ms == ms(at(42))
    assert {option.age_s for option in chain.options} == {0.79}
    assert chain.atm_iv == pytest.approx(0.5041, abs=1e-5)
    to_expiry = datetime(2026, 11, 27, 8, tzinfo=UTC) - at(42)
    assert chain.dte == pytest.approx(to_expiry / timedelta(days=1))


def test_stale_then_is_stale_now(tmp_path: Path) -> None:
    recording = market()
    recording.heartbeats = {50: {"conn:1": str(ms(at(50)))}, 100: None}
    history = History(recording.write(tmp_path))
    assert history.at(at(52.9)).get(CALL).live
    with pytest.raises(ConnectionMuted, match=r"silent for 3\.5 s"):
        history.at(at(53.5)).get(CALL)
    assert history.at(at(53.5)).get(CALL, require_live=False).live is False


def test_a_dead_feed_of_then_is_down(tmp_path: Path) -> None:
    recording = market()
    recording.heartbeats = {50: None, 90: {}}
    past = History(recording.write(tmp_path)).at(at(60))
    assert past.feed().alive is False
    with pytest.raises(FeedDown, match=r"last heartbeat is 11\.0 s old"):
        past.chain("BTC")
    assert len(past.chain("BTC", require_live=False).options) == 6


def test_max_age_counts_until_then(tmp_path: Path) -> None:
    past = History(market().write(tmp_path)).at(at(42))
    assert past.get(CALL, max_age_s=1).live
    with pytest.raises(TooOld):
        past.get(CALL, max_age_s=0.5)


def test_another_epoch_makes_earlier_ticks_stale_until_they_tick_again(tmp_path: Path) -> None:
    recording = market()
    recording.heartbeats = {60: {"epoch": str(EPOCH + 1)}}
    recording.ticks = [tick for tick in recording.ticks if tick.seconds < 60]
    recording.ticks.append(RecordedTick(70, CALL, {"mark_price": "1"}, epoch=EPOCH + 1))
    history = History(recording.write(tmp_path))
    assert history.at(at(59)).get(CALL).live
    with pytest.raises(NotYetLive, match="earlier collector"):
        history.at(at(65)).get(CALL)
    assert history.at(at(70)).get(CALL).mark_price == 1


def test_a_row_of_rest_is_not_live(tmp_path: Path) -> None:
    recording = market()
    recording.ticks.append(RecordedTick(20, ETH, {"mark_price": "1"}, flags=FLAG_REST, seq=None))
    option = History(recording.write(tmp_path)).at(at(21)).get(ETH, require_live=False)
    assert (option.live, option.seq, option.source) == (False, None, "rest")


def test_the_clocks_are_those_of_the_server_and_the_venue_then(tmp_path: Path) -> None:
    recording = market()
    server_ms = ms(at(30)) + 5_000  # the server's clock is ahead of the recorder's
    recording.heartbeats = {
        30: {"heartbeat_ms": str(server_ms), "conn:1": str(server_ms), "skew_ms": "-5000"}
    }
    feed = History(recording.write(tmp_path)).at(at(30.5)).feed()
    assert feed.now_ms == server_ms + 500
    assert feed.venue_ms == ms(at(30.5))


def test_what_was_listed_later_is_unknown(tmp_path: Path) -> None:
    recording = market()
    new = instrument("BTC-27NOV26-95000-C-USDT", datetime(2026, 11, 27, 8, tzinfo=UTC))
    recording.listed.append((100, new))
    recording.ticks.append(RecordedTick(101, new.symbol, {"mark_price": "1"}))
    history = History(recording.write(tmp_path))
    with pytest.raises(Unknown):
        history.at(at(99)).get(new.symbol)
    assert len(history.at(at(99)).chain("BTC", "27NOV26")) == 3
    assert len(history.at(at(102)).chain("BTC", "27NOV26")) == 4


def test_delisted_options_leave_the_chain(tmp_path: Path) -> None:
    recording = market()
    recording.delisted = [(50, name) for name in recording.terms if "27NOV26-92" in name]
    history = History(recording.write(tmp_path))
    assert history.at(at(49)).chain("BTC", "27NOV26").strikes == [90_000, 91_000, 92_000]
    assert history.at(at(51)).chain("BTC", "27NOV26").strikes == [90_000, 91_000]
    assert [each.count for each in history.at(at(51)).expiries("BTC")] == [4, 6]


def test_an_option_that_expired_then(tmp_path: Path) -> None:
    recording = market()
    expiring = instrument("BTC-26NOV26-91000-C-USDT", at(60))
    recording.listed.append((0, expiring))
    recording.ticks.append(RecordedTick(30, expiring.symbol, {"mark_price": "1"}))
    history = History(recording.write(tmp_path))
    assert history.at(at(31)).get(expiring.symbol).phase == "settling"
    with pytest.raises(Expired):
        history.at(at(61)).get(expiring.symbol)
    assert history.at(at(61)).get(expiring.symbol, allow_expired=True, require_live=False)
    # the front is the first expiry that was neither settling nor delivered
    assert history.at(at(31)).chain("BTC").series.label == "27NOV26"


def test_a_time_outside_names_what_is_recorded(tmp_path: Path) -> None:
    history = History(market().write(tmp_path))
    with pytest.raises(NotRecorded, match=r"is before what is recorded: 2026-11-26 14:30:20\.000"):
        history.at(at(-1))
    with pytest.raises(NotRecorded, match=r"is after .* to 2026-11-26 14:33:40\.000 UTC"):
        history.at(at(202))


def test_a_time_in_a_gap_names_it_and_its_reason(tmp_path: Path) -> None:
    recording = market()
    recording.gaps = [(60, 90, "the disk was slow")]
    history = History(recording.write(tmp_path))
    with pytest.raises(NotRecorded, match=r"in a gap, .*14:31:20.* 14:31:50.*: the disk was slow"):
        history.at(at(75))
    assert history.at(at(60)).get(CALL).live


def test_behind_a_gap_an_option_is_unknown_until_its_next_tick(tmp_path: Path) -> None:
    """The tick before the gap may have been replaced by one that is missing."""
    recording = market()
    recording.gaps = [(60, 90, "the disk was slow")]
    history = History(recording.write(tmp_path))
    with pytest.raises(NotYetLive):
        history.at(at(90.5)).get(CALL, require_live=False)
    assert history.at(at(92)).get(CALL).live
    with pytest.raises(NotYetLive):  # it ticked only once, before
        history.at(at(190)).get(ETH, require_live=False)


def test_the_reads_are_those_of_a_reader() -> None:
    for name in make_readers.PAST_METHODS:
        of_past, of_reader = getattr(PastReader, name), getattr(OptionReader, name)
        assert inspect.signature(of_past) == inspect.signature(of_reader)
        assert of_past.__doc__ == of_reader.__doc__


def test_the_whole_market_as_scan_array_frame_and_file(tmp_path: Path) -> None:
    past = History(market().write(tmp_path)).at(at(100))
    rows = past.snapshot()
    assert len(rows) == 13
    assert rows["live"].all()
    assert set(rows["venue"]) == {"sim"}
    assert len(past.scan("BTC", gate=False)) == 12
    assert past.to_arrow("BTC").num_rows == 12
    assert len(past.instruments()) == 13
    assert [len(chain) for chain in past.chains("BTC")] == [3, 3]
    past.export(tmp_path / "then.csv")
    assert len((tmp_path / "then.csv").read_text().splitlines()) == 14
