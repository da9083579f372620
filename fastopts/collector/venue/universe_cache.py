"""The file that stands in for the venue's list when REST fails.

Its keys are those of older trackers: `symbols`, `count`, `updated_at`, `expires_at`, `by_asset`;
ours adds `venue` and `instruments`, the terms that the symbols alone don't tell.
"""

import codecs
import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Any

import orjson

from fastopts import files, keys
from fastopts.errors import ConfigError
from fastopts.model import Instrument
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.fields import time_ms

__all__ = ("CachedUniverse", "default_path", "load", "save")

VALID = timedelta(hours=24)
_FIELDS = {field.name for field in dataclasses.fields(Instrument)}


@dataclass(frozen=True, slots=True)
class CachedUniverse:
    """What the file held; *updated_at* is None when it did not say."""

    instruments: dict[str, Instrument]
    updated_at: datetime | None

    def age(self, now: datetime) -> str:
        if self.updated_at is None:
            return "of unknown age"
        hours = (now - self.updated_at).total_seconds() / 3600
        return f"{hours:.1f} h old" if hours >= 1 else f"{hours * 60:.0f} min old"


def default_path(venue: str) -> Path:
    """The old name for the real venue; other venues' symbols don't mix into it."""
    name = "" if venue == "bybit" else "." + venue.replace(":", "-").replace("/", "-")
    return Path(f"symbols_cache{name}.json")


def save(path: Path, venue: str, instruments: Iterable[Instrument], now: datetime) -> None:
    """Write the file, whole or not at all. Raises ConfigError when it can't be written.

    What is there and no regular file, such as /dev/null, is left as it is: nothing is kept then.
    """
    if _is_special(path):
        return
    listed = sorted(instruments, key=lambda instrument: instrument.symbol)
    content = {
        "symbols": [instrument.symbol for instrument in listed],
        "count": len(listed),
        "updated_at": now.isoformat(),
        "expires_at": (now + VALID).isoformat(),
        "by_asset": dict(Counter(instrument.asset for instrument in listed)),
        "venue": venue,
        "instruments": [dataclasses.asdict(instrument) for instrument in listed],
    }
    with files.replacing(path) as file:
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def load(path: Path, venue: str, now: datetime) -> CachedUniverse | None:
    """Read the file without what has expired; None when there is none of this venue's.

    Raises ConfigError for a file that is there and can't be understood.
    """
    try:
        if not path.is_file():
            return None
        content = orjson.loads(path.read_bytes().removeprefix(codecs.BOM_UTF8))
        if content.get("venue", "bybit") != venue:
            return None
        rows = [_instrument(row) for row in content.get("instruments", ())]
        if not rows:
            rows = [found for text in content["symbols"] if (found := symbols.parse(text))]
        updated_at = _time(content.get("updated_at"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"the cache file {path} can't be read: {error}") from error
    now_ms = now.timestamp() * 1000
    return CachedUniverse({row.symbol: row for row in rows if row.expiry_ms > now_ms}, updated_at)


def _is_special(path: Path) -> bool:
    with contextlib.suppress(OSError):  # the writing tells it
        return path.exists() and not path.is_file()
    return False


def _instrument(row: dict[str, Any]) -> Instrument:
    """Raises KeyError, TypeError or ValueError for a row that is none."""
    found = Instrument(**{name: row[name] for name in _FIELDS})
    read = symbols.parse(found.symbol)
    for name in _FIELDS:
        if type(row[name]) is not type(getattr(read, name)):
            raise ValueError(f"{name} of {found.symbol!r}")
    is_option = read is not None and found.asset == read.asset and isfinite(found.strike)
    names = (found.quote, found.settle)
    if (
        not is_option
        or found.kind not in ("C", "P")
        or not all(map(keys.is_coin, names))
        or time_ms(found.expiry_ms) is None
    ):
        raise ValueError(f"the terms of {found.symbol!r}")
    return found


def _time(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    found = datetime.fromisoformat(text)
    # Older trackers wrote local time without saying so.
    return found if found.tzinfo else found.astimezone(UTC)
