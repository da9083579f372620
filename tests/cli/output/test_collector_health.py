"""The universe and the duties of a collector in the output of `stats`."""

from fastopts.cli.output.collector_health import CollectorHealth

STATS = {
    "coins": "BTC,MNT",
    "coins_wanted": "all",
    "skipped:unknown_name": "2",
    "skipped:bad_terms": "0",
    "skipped:other_coin": "many",
    "skipped_example": "BTC-29JAN27-1-C-USDE",
    "missing": "6",
    "absent_fields": "theta,vega",
    "last_update": "100.5",
    "duty:refresh": "90.5",
    "duty:listing": "",
    "duty:heartbeat": "101",
    "overdue": "listing",
}


def test_every_part_has_its_row() -> None:
    rows = {label: text.plain for label, text in CollectorHealth.of(STATS).rows()}
    assert rows == {
        "coins": "BTC, MNT (all that the venue lists)",
        "skipped": "2 listed options are not collected: unknown name 2; for example"
        " BTC-29JAN27-1-C-USDE",
        "missing": "6 options are missing from REST, do not tick and are not live",
        "fields": "no option has theta, vega",
        # a success after the last update is an age of 0: the clock may have been set back
        "duties": "heartbeat 0 ms ago, listing not yet OVERDUE, refresh 10.0 s ago",
    }


def test_configured_coins_are_named_so() -> None:
    [(label, text)] = CollectorHealth.of({"coins": "BTC", "coins_wanted": "BTC"}).rows()
    assert (label, text.plain) == ("coins", "BTC (as configured)")


def test_an_older_collector_has_no_rows() -> None:
    health = CollectorHealth.of({"received": "3", "missing": "", "last_update": "soon"})
    assert health.rows() == []
    assert health.values() == {
        "coins": [],
        "all_coins": False,
        "skipped": {},
        "skipped_example": None,
        "missing": 0,
        "absent_fields": [],
        "duties": {},
        "overdue": [],
        "recording": None,
    }


def test_a_recording_has_a_row_that_says_what_is_wrong() -> None:
    stats = {
        "recording": "recording",
        "recording_reason": "",
        "frames_recorded": "1234567",
        "frames_not_recorded": "0",
        "recorded_bytes": "12345678",
    }
    [(label, text)] = CollectorHealth.of(stats).rows()
    assert (label, text.plain) == ("recording", "1,234,567 frames, 12.3 MB")
    stopped = {"recording": "stopped", "recording_reason": "disk full", "frames_not_recorded": "89"}
    health = CollectorHealth.of(stats | stopped)
    [(_, text)] = health.rows()
    assert text.plain == "STOPPED: disk full; 1,234,567 frames, 12.3 MB, 89 NOT RECORDED"
    assert health.values()["recording"] == {
        "state": "stopped",
        "reason": "disk full",
        "frames_recorded": 1_234_567,
        "frames_not_recorded": 89,
        "bytes_written": 12_345_678,
    }


def test_counters_of_an_earlier_recording_are_not_shown() -> None:
    assert CollectorHealth.of({"recording": "off", "frames_recorded": "5"}).recording is None
