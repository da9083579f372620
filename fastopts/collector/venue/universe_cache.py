"""The cache file that replaces the venue's list of instruments when REST fails.

Its keys are those of older trackers (`symbols`, `count`, `updated_at`, `expires_at`, `by_asset`),
so that their tools go on reading it; `venue` and `instruments`, the contract terms, are added.
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
from fastopts.errors import CacheError, FastoptsError
from fastopts.model import Instrument
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.fields import time_ms

__all__ = ("CachedUniverse", "default_path", "load", "save")

VALID = timedelta(hours=24)
_FIELDS = {field.name for field in dataclasses.fields(Instrument)}


@dataclass(frozen=True, slots=True)
class CachedUniverse:
    """The unexpired instruments of a file, by symbol; *updated_at* is None if it is absent."""

    instruments: dict[str, Instrument]
    updated_at: datetime | None

    def age(self, now: datetime) -> str:
        """Return the age in words, such as `2.5 h old`."""
        if self.updated_at is None:
            return "of unknown age"
        hours = (now - self.updated_at).total_seconds() / 3600
        return f"{hours:.1f} h old" if hours >= 1 else f"{hours * 60:.0f} min old"


def default_path(venue: str) -> Path:
    """Return the path of older trackers for the real venue, and one of its own for any other."""
    name = "" if venue == "bybit" else "." + venue.replace(":", "-").replace("/", "-")
    return Path(f"symbols_cache{name}.json")


def save(path: Path, venue: str, instruments: Iterable[Instrument], now: datetime) -> None:
    """Write the file, whole or not at all. Raises CacheError when that is impossible.

    No-op if *path* exists and is not a regular file, such as /dev/null: that disables the cache.
    """
    # Replacing a device or a pipe by a file would break other programs.
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
    try:
        with files.replacing(path) as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    except FastoptsError as error:
        raise CacheError(str(error)) from error


def load(path: Path, venue: str, now: datetime) -> CachedUniverse | None:
    """Read the file, without expired instruments; None if there is none of this venue.

    Raises CacheError for a file that exists and is invalid.
    """
    try:
        if not path.is_file():
            return None
        content = orjson.loads(path.read_bytes().removeprefix(codecs.BOM_UTF8))
        if content.get("venue", "bybit") != venue:
            return None
        instruments = [_instrument(row) for row in content.get("instruments", ())]
        if not instruments:  # a file of an older tracker
            parsed = (symbols.parse(text) for text in content["symbols"])
            instruments = [instrument for instrument in parsed if instrument]
        updated_at = _time(content.get("updated_at"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CacheError(f"cannot read the cache file {path}: {error}") from error
    now_ms = now.timestamp() * 1000
    unexpired = {i.symbol: i for i in instruments if i.expiry_ms > now_ms}
    return CachedUniverse(unexpired, updated_at)


def _is_special(path: Path) -> bool:
    with contextlib.suppress(OSError):  # writing it reports the error
        return path.exists() and not path.is_file()
    return False


def _instrument(row: dict[str, Any]) -> Instrument:
    """Parse a row. Raises KeyError, TypeError or ValueError for an invalid one."""
    # a file of version 0.1.0 has `kind` for `type`; None if it has neither, which is refused below
    row = {"type": row.get("kind"), **row}
    instrument = Instrument(**{name: row[name] for name in _FIELDS})
    parsed = symbols.parse(instrument.symbol)
    if parsed is None:
        raise ValueError(f"invalid symbol {instrument.symbol!r}")
    for name in _FIELDS:
        if type(row[name]) is not type(getattr(parsed, name)):
            raise ValueError(f"invalid {name} of {instrument.symbol!r}")
    if (
        instrument.asset != parsed.asset
        or not isfinite(instrument.strike)
        or instrument.type not in ("C", "P")
        or not all(map(keys.is_coin, (instrument.quote, instrument.settle)))
        or time_ms(instrument.expiry_ms) is None
    ):
        raise ValueError(f"invalid terms of {instrument.symbol!r}")
    return instrument


def _time(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    time = datetime.fromisoformat(text)
    # Older trackers wrote local time without an offset.
    return time if time.tzinfo else time.astimezone(UTC)
