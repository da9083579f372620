"""Ticks and events become row groups that DuckDB reads: every value, keyframes, liveness."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import parquet

from fastopts.history import schema
from fastopts.model import FLAG_REST
from tests.history.market import (
    CALL,
    ETHER,
    NS,
    PUT,
    START_NS,
    VENUE,
    MadeHistory,
    decimals,
    feed,
)

MINUTE = 60 * NS


def query(root: Path, text: str) -> list[tuple[Any, ...]]:
    """Rows of BTC, by DuckDB."""
    pattern = root / "history/v1/sim/BTC/*/*.parquet"
    with duckdb.connect() as database:
        database.execute("SET TimeZone='UTC'")
        return database.execute(text.replace("ROWS", f"read_parquet('{pattern}')")).fetchall()


def utc(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // NS, UTC).replace(microsecond=at_ns % NS // 1000)


def test_every_value_of_a_tick_is_in_its_row(tmp_path: Path) -> None:
    source = random.Random(3)
    history = MadeHistory(tmp_path)
    history.begin(START_NS)
    sent = []
    for number in range(200):
        at_ns = START_NS + number * 700_000_000 + 123_000
        texts = {
            name: f"{source.choice((-1, 1)) * Decimal(source.randrange(10**14)).scaleb(-8):f}"
            for name in source.sample(schema.NUMBER_COLUMNS, 20)
        }
        history.tick(at_ns, CALL, texts, seq=number)
        sent.append((utc(at_ns), number, *decimals(texts).values()))
    history.publish()
    names = ", ".join(schema.NUMBER_COLUMNS)
    rows = query(tmp_path, f"SELECT logged, seq, {names} FROM ROWS WHERE NOT keyframe ORDER BY 1")
    assert rows == sent


@pytest.mark.parametrize(
    ("text", "column", "extra"),
    [
        ("0", Decimal(0), None),
        ("-0.00000001", Decimal("-1e-8"), None),
        ("9999999999.5", Decimal("9999999999.5"), None),
        ("123456789.123456", Decimal("123456789.123456"), None),
        ("0.123456789", None, '{"gamma":"0.123456789"}'),
        ("10000000000", None, '{"gamma":"10000000000"}'),
        ("1e-12", None, '{"gamma":"0.000000000001"}'),
    ],
)
def test_a_number_that_does_not_fit_is_kept_as_text(
    tmp_path: Path, text: str, column: Decimal | None, extra: str | None
) -> None:
    history = MadeHistory(tmp_path)
    history.begin(START_NS)
    history.tick(START_NS + 5, CALL, {"gamma": text, "delta": "0.5"})
    history.publish()
    assert query(tmp_path, "SELECT gamma, extra, delta FROM ROWS") == [
        (column, extra, Decimal("0.5"))
    ]


def test_a_minute_is_a_row_group_that_begins_with_all_symbols(tmp_path: Path) -> None:
    history = MadeHistory(tmp_path)
    history.begin(START_NS)
    history.tick(START_NS + 1000, CALL, {"delta": "0.1"})
    history.tick(START_NS + 2000, PUT, {"delta": "-0.1"})
    history.tick(START_NS + MINUTE + 3000, CALL, {"delta": "0.2"})
    history.builder.advance(START_NS + 2 * MINUTE)  # nothing ticks, but it is recorded
    history.publish()
    minutes = [utc(START_NS + number * MINUTE) for number in range(3)]
    rows = query(tmp_path, "SELECT minute, symbol, keyframe, delta, logged FROM ROWS")
    early = [(START_NS + 1000, "0.1"), (START_NS + 2000, "-0.1")]
    [call, put] = [(Decimal(delta), utc(at_ns)) for at_ns, delta in early]
    late = Decimal("0.2"), utc(START_NS + MINUTE + 3000)
    assert rows == [
        (minutes[0], CALL, False, *call),
        (minutes[0], PUT, False, *put),
        (minutes[1], CALL, True, *call),
        (minutes[1], CALL, False, *late),
        (minutes[1], PUT, True, *put),
        (minutes[2], CALL, True, *late),
        (minutes[2], PUT, True, *put),
    ]
    path = schema.rows_path(tmp_path, VENUE, "BTC", START_NS // NS)
    assert parquet.ParquetFile(path).num_row_groups == 3


def test_status_is_the_readers_at_that_time(tmp_path: Path) -> None:
    history = MadeHistory(tmp_path)
    history.begin(START_NS)
    history.tick(START_NS + 1, CALL, {})  # before any feed is known
    history.builder.feed(START_NS + NS, feed(START_NS + NS, conns=(1,)))
    history.tick(START_NS + NS + 1, CALL, {})
    history.tick(START_NS + NS + 2, CALL, {}, conn=2)  # not in the feed yet
    history.tick(START_NS + NS + 3, CALL, {}, flags=FLAG_REST)
    history.tick(START_NS + NS + 4, CALL, {}, epoch=4)
    history.tick(START_NS + 4 * NS, CALL, {})  # 3.0 s after the connection delivered
    history.tick(START_NS + 4 * NS + 2_000_000, CALL, {})
    history.tick(START_NS + 6 * NS + 2_000_000, CALL, {})  # and after the heartbeat's limit
    history.builder.feed(START_NS + 7 * NS, feed(START_NS + 7 * NS) | {"lag:1": "2001"})
    history.tick(START_NS + 7 * NS, CALL, {})
    history.builder.feed(START_NS + 8 * NS, feed(START_NS + 8 * NS) | {"heartbeat_ms": "0"})
    history.tick(START_NS + 8 * NS, CALL, {})
    history.publish()
    statuses = [status for (status,) in query(tmp_path, "SELECT status FROM ROWS")]
    assert statuses == [
        *(None, "live", "NotYetLive", "NotYetLive", "NotYetLive", "live"),
        *("ConnectionMuted", "FeedDown", "ConnectionLate", "FeedDown"),
    ]


def test_a_delisted_symbol_is_in_no_later_keyframe(tmp_path: Path) -> None:
    history = MadeHistory(tmp_path)
    history.begin(START_NS)
    history.tick(START_NS + 1, CALL, {})
    history.tick(START_NS + 2, PUT, {})
    history.builder.listing(START_NS + NS, (), [PUT])
    history.builder.advance(START_NS + MINUTE)
    history.publish()
    assert query(tmp_path, "SELECT symbol FROM ROWS WHERE keyframe") == [(CALL,)]
    terms = parquet.read_table(schema.day_folder(tmp_path, VENUE, START_NS // NS) / schema.TERMS)
    rows = [row for row in terms.to_pylist() if row["symbol"] == PUT]
    assert [(row["listed"], row["strike_text"]) for row in rows] == [(True, "90000"), (False, None)]


def test_values_of_before_a_gap_are_not_carried_over_it(tmp_path: Path) -> None:
    history = MadeHistory(tmp_path)
    history.begin(START_NS)
    history.tick(START_NS + NS, CALL, {})
    later_ns = START_NS + 10 * MINUTE
    history.begin(later_ns)
    history.tick(later_ns + NS, PUT, {})
    history.publish()
    found = query(tmp_path, "SELECT minute, symbol FROM ROWS")
    assert found == [(utc(START_NS), CALL), (utc(later_ns), PUT)]
    folder = schema.day_folder(tmp_path, VENUE, START_NS // NS)
    [event] = parquet.read_table(folder / schema.EVENTS).to_pylist()
    assert (event["event"], event["logged"]) == ("gap", utc(later_ns))


def test_assets_and_hours_have_files_of_their_own(tmp_path: Path) -> None:
    history = MadeHistory(tmp_path)
    history.begin(START_NS)
    history.tick(START_NS + 1, CALL, {})
    history.tick(START_NS + 2, ETHER, {})
    history.builder.advance(START_NS + 60 * MINUTE)
    history.publish()
    folder = tmp_path / "history/v1/sim"
    day = "2027-01-15"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert files == {
        *(f"{asset}/{day}/{hour}.parquet" for asset in ("BTC", "ETH") for hour in ("08", "09")),
        *(f"{day}/{name}" for name in ("feed.parquet", "events.parquet", "terms.parquet")),
        f"{day}/manifest.json",
    }
