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
    }
