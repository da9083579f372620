"""`History`: choice of venue, ticks, series, damaged files."""

import json
from pathlib import Path
from typing import Any

import pytest

import fastopts
from fastopts.errors import BadInput, CaptureError, NotRecorded, Unknown
from fastopts.history import History, schema
from tests.history.files import START, at, market, ms

CALL = "BTC-27NOV26-91000-C-USDT"


def test_it_is_a_name_of_the_package(tmp_path: Path) -> None:
    assert fastopts.History is History
    assert History(market().write(tmp_path)).venue == "sim"


def test_a_folder_without_history_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no history in this folder: run `fastopts history make`"):
        History(tmp_path)
    market().write(tmp_path)
    with pytest.raises(BadInput, match="no history of bybit here"):
        History(tmp_path, "bybit")
    (schema.venue_folder(tmp_path, "bybit")).mkdir()
    with pytest.raises(BadInput, match="history of bybit, sim: choose one with venue="):
        History(tmp_path)
    assert History(tmp_path, "sim").at(at(60)).get(CALL).live


def test_the_coverage(tmp_path: Path) -> None:
    recording = market()
    recording.gaps = [(60, 90, "slow")]
    coverage = History(recording.write(tmp_path)).coverage()
    assert (coverage.start_us, coverage.end_us) == (ms(START) * 1000, ms(at(200)) * 1000)
    assert [(gap.start_us, gap.end_us, gap.reason) for gap in coverage.gaps] == [
        (ms(at(60)) * 1000, ms(at(90)) * 1000, "slow")
    ]


def test_an_hour_that_was_not_made_is_named(tmp_path: Path) -> None:
    history = History(market().write(tmp_path))
    manifest = schema.day_folder(tmp_path, "sim", ms(START) // 1000) / schema.MANIFEST
    manifest.write_text(json.dumps({"hours": {"13": {}}}))
    with pytest.raises(NotRecorded, match="hour 14 is not in the history: run `fastopts history"):
        history.at(at(60))


def test_files_that_are_made_again_are_read_again(tmp_path: Path) -> None:
    history = History(market().write(tmp_path))
    before = history.at(at(60)).get(CALL).mark_price
    recording = market()
    recording.ticks = [each for each in recording.ticks if each.seconds < 40]
    recording.write(tmp_path)
    assert (before, history.at(at(60)).get(CALL).mark_price) == (1051.1, 1031.1)


@pytest.mark.parametrize("content", [b"", b"PAR1" * 100, b"no parquet at all"])
def test_a_damaged_file_is_named_and_the_others_are_read(tmp_path: Path, content: bytes) -> None:
    history = History(market().write(tmp_path))
    damaged = schema.rows_path(tmp_path, "sim", "ETH", ms(START) // 1000)
    damaged.write_bytes(content)
    with pytest.raises(CaptureError, match=r"ETH.*14\.parquet: can't be read"):
        history.at(at(60)).get("ETH-27NOV26-3000-C")
    assert len(history.at(at(60)).chain("BTC").options) == 6


def test_a_parquet_file_of_another_program_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    history = History(market().write(tmp_path))
    path = schema.rows_path(tmp_path, "sim", "BTC", ms(START) // 1000)
    pq.write_table(pa.table({"minute": [1]}), path)
    with pytest.raises(CaptureError, match="no file of fastopts's history"):
        history.at(at(60)).chain("BTC")


def test_ticks_are_the_received_ones_in_order(tmp_path: Path) -> None:
    recording = market()
    history = History(recording.write(tmp_path))
    ticks = history.ticks(CALL, at(11.25), at(151.25))
    own = [
        each for each in recording.ticks if each.symbol == CALL and 11.25 <= each.seconds < 151.25
    ]
    assert ticks["logged"].to_pylist() == [each.logged for each in own]
    assert [str(each) for each in ticks["mark_price"].to_pylist()] == [
        f"{each.numbers['mark_price']}0000000" for each in own
    ]
    assert ticks.column_names[:2] == ["symbol", "logged"]
    assert "keyframe" not in ticks.column_names


def test_ticks_of_what_was_not_there(tmp_path: Path) -> None:
    history = History(market().write(tmp_path))
    with pytest.raises(Unknown, match="no option 'BTC-27NOV26-1-C' was listed in that time"):
        history.ticks("BTC-27NOV26-1-C", at(0), at(10))
    with pytest.raises(NotRecorded):
        history.ticks(CALL, at(-100), at(-50))
    with pytest.raises(BadInput, match="start: it is after the end"):
        history.ticks(CALL, at(50), at(40))


def test_a_series_is_the_figure_of_the_chain_at_each_time(tmp_path: Path) -> None:
    recording = market()
    recording.gaps = [(70, 85, "slow")]
    history = History(recording.write(tmp_path))
    series = history.series("atm_iv", "BTC", "27NOV26", every="20s").to_pylist()
    assert [row["time"] for row in series] == [at(seconds) for seconds in range(0, 201, 20)]
    by_time = {row["time"]: row for row in series}
    assert by_time[at(40)]["value"] == history.at(at(40)).chain("BTC", "27NOV26").atm_iv
    assert by_time[at(40)]["missing"] is None
    assert by_time[at(80)]["value"] is None
    assert "in a gap" in by_time[at(80)]["missing"]


def test_a_constant_maturity_is_between_the_two_expiries(tmp_path: Path) -> None:
    history = History(market().write(tmp_path))
    near, far = history.at(at(60)).chains("BTC")
    days = (near.dte + far.dte) / 2
    [value] = history.series("atm_iv", "BTC", days=days, start=at(60), end=at(60), every="1s")[
        "value"
    ].to_pylist()
    assert near.atm_iv is not None
    assert far.atm_iv is not None
    variance = (near.atm_iv**2 * near.dte + far.atm_iv**2 * far.dte) / 2
    assert value == pytest.approx((variance / days) ** 0.5)
    at_one: Any = {"start": at(60), "end": at(60), "every": "1s"}
    reversal = history.series("risk_reversal_25", "BTC", days=near.dte, **at_one)["value"][0]
    assert reversal.as_py() == pytest.approx(near.risk_reversal(0.25))
    beyond = history.series("atm_iv", "BTC", days=30, **at_one).to_pylist()[0]
    assert beyond["value"] is None  # nothing is extrapolated


def test_a_series_of_no_figure_names_those_there_are(tmp_path: Path) -> None:
    history = History(market().write(tmp_path))
    with pytest.raises(BadInput, match=r"'iv' is no figure of a series: write one of .*atm_iv"):
        history.series("iv", "BTC")
    with pytest.raises(BadInput, match="'max_pain' has no constant maturity"):
        history.series("max_pain", "BTC", days=7)
    with pytest.raises(BadInput, match="a constant maturity has no expiry"):
        history.series("atm_iv", "BTC", "front", days=7)
