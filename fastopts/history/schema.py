"""The files of the history: where they are, their columns, and the version of both.

    DIR/history/v1/VENUE/ASSET/YYYY-MM-DD/HH.parquet    the ticks of an hour
    DIR/history/v1/VENUE/YYYY-MM-DD/feed.parquet        the feed at each heartbeat
                                    events.parquet      connections, gaps, epochs
                                    terms.parquet       instruments, and when they were listed
                                    manifest.json       the files of a day, with their hashes

docs/history.md describes every column. Columns are only added. If the meaning of one changes, the
version does, and with it the folder: files of both can be there side by side.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastopts.errors import MissingPackage
from fastopts.model import NUMBERS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = (
    "EVENTS",
    "FEED",
    "FORMAT",
    "LIVE",
    "MANIFEST",
    "NUMBER_COLUMNS",
    "PRECISION",
    "SCALE",
    "TERMS",
    "UNIT",
    "VERSION",
    "arrow",
    "day_folder",
    "events_schema",
    "feed_schema",
    "rows_path",
    "rows_schema",
    "terms_schema",
    "venue_folder",
)

VERSION: Final = 1
FORMAT: Final = "fastopts-history"  # in the metadata of every Parquet file, with the version
FEED: Final = "feed.parquet"
EVENTS: Final = "events.parquet"
TERMS: Final = "terms.parquet"
MANIFEST: Final = "manifest.json"

# An INT64 holds 18 digits. Of the venue's numbers, none has more than 8 decimals: its greeks, which
# have most, have 8. A number that does not fit is in the column `extra`.
PRECISION: Final = 18
SCALE: Final = 8
UNIT: Final = 10**SCALE
NUMBER_COLUMNS: Final = tuple(name for _, name in NUMBERS)
LIVE: Final = "live"  # the value of `status`; others are names of classes of `fastopts.errors`


def arrow() -> None:
    """Raise MissingPackage unless pyarrow is installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        message = "history needs pyarrow: pip install 'fastopts[history]'"
        raise MissingPackage(message) from error
    del pyarrow


def venue_folder(root: Path, venue: str) -> Path:
    """Return the folder of a *venue* in the folder of captures *root*."""
    # As the captures' folder: no file name on Windows has a colon, and `custom:HOST` does.
    return root / "history" / f"v{VERSION}" / venue.replace(":", "-")


def day_folder(root: Path, venue: str, at_s: int) -> Path:
    """Return the folder with feed, events, terms and manifest of the day of *at_s*.

    Times are s since 1970 UTC.
    """
    return venue_folder(root, venue) / f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"


def rows_path(root: Path, venue: str, asset: str, at_s: int) -> Path:
    """Return the file with the ticks of *asset* in the hour of *at_s*."""
    at = datetime.fromtimestamp(at_s, UTC)
    return venue_folder(root, venue) / asset / f"{at:%Y-%m-%d}" / f"{at:%H}.parquet"


def rows_schema() -> "pa.Schema":
    """Return the columns of ticks. One row group is a minute, sorted by symbol and `logged`."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    number = pa.decimal128(PRECISION, SCALE)
    return _schema(
        ("minute", _time("ms")),
        ("symbol", text),
        ("logged", _time("us")),
        ("ts", _time("ms")),
        ("rt", _time("ms")),
        ("seq", pa.int64()),
        ("flags", pa.uint16()),
        ("conn", pa.uint32()),
        ("epoch", pa.uint32()),
        ("keyframe", pa.bool_()),
        ("status", text),
        *((name, number) for name in NUMBER_COLUMNS),
        ("extra", pa.string()),
    )


def feed_schema() -> "pa.Schema":
    """Return the columns of the feed: `fields` is the hash `fastopts:feed` as a JSON object."""
    import pyarrow as pa

    return _schema(("logged", _time("us")), ("fields", pa.string()))


def events_schema() -> "pa.Schema":
    """Return the columns of events: `values` is the JSON object of the channel `control`."""
    import pyarrow as pa

    return _schema(
        ("logged", _time("us")),
        ("event", pa.string()),
        ("connection", pa.int64()),
        ("values", pa.string()),
    )


def terms_schema() -> "pa.Schema":
    """Return the columns of instruments: the terms hold from `since` to the symbol's next row."""
    import pyarrow as pa

    return _schema(
        ("since", _time("us")),
        ("symbol", pa.string()),
        ("listed", pa.bool_()),
        ("asset", pa.string()),
        ("quote", pa.string()),
        ("settle", pa.string()),
        ("expiry", _time("ms")),
        ("strike", pa.float64()),
        ("strike_text", pa.string()),
        ("type", pa.string()),
        ("tick_size", pa.string()),
        ("lot_size", pa.string()),
        ("status", pa.string()),
        ("launch", _time("ms")),
    )


def _time(unit: str) -> "pa.DataType":
    import pyarrow as pa

    return pa.timestamp(unit, tz="UTC")


def _schema(*fields: "tuple[str, pa.DataType]") -> "pa.Schema":
    import pyarrow as pa

    return pa.schema(list(fields), {"format": FORMAT, "version": str(VERSION)})
