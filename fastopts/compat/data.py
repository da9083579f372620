"""`OptionsDataReader`: the market as lists of dictionaries, and as files."""

import csv
import io
import json
import time
from collections import Counter
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastopts import files, keys
from fastopts.compat.rows import Row, rows
from fastopts.compat.source import CompatSource
from fastopts.contract import StatsField
from fastopts.errors import BadInput
from fastopts.reader import NoSuchOption, StaleData, StoreError, Unknown
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.selection.arguments import number

if TYPE_CHECKING:
    from typing import Unpack

    from redis import Redis

    from fastopts.reader.selection.bounds import Bounds

__all__ = ("OptionsDataReader",)

MB: Final = 1024 * 1024

_NUMBERS: Final = (
    *("bid_iv", "ask_iv", "last_price", "mark_price", "index_price", "mark_iv"),
    *("underlying_price", "open_interest", "delta", "gamma", "vega", "theta"),
    *("volume_24h", "turnover_24h"),
)
_LISTED: Final = (
    *("symbol", "timestamp", "bid_iv", "ask_iv", "last_price", "mark_price", "mark_iv"),
    *("open_interest", "volume_24h", "turnover_24h"),
)
_OF_EXPIRY: Final = ("symbol", "last_price", "mark_iv", "open_interest", "volume_24h")


class OptionsDataReader:
    """Reads the options of *venue* from the Redis at *redis_host*, or at *url*.

    See `CompatSource` for the defaults. Options that are not live, delivered or unknown are left
    out; of a dead feed that is all of them. Raises WrongVenue for another venue's data.
    """

    def __init__(
        self,
        redis_host: str | None = None,
        redis_port: int | None = None,
        redis_db: int | None = None,
        redis_password: str | None = None,
        *,
        venue: str = "bybit",
        url: str | None = None,
    ) -> None:
        url_of_parts = _url(redis_host, redis_port, redis_db)
        if url_of_parts and url:
            raise BadInput("pass either url, or redis_host, redis_port and redis_db, not both")
        self._source = CompatSource(venue, url or url_of_parts, redis_password)
        self._reader = self._source.reader

    @property
    def redis_client(self) -> "Redis":
        """A redis-py client, made at the first access."""
        return self._source.client

    def is_connected(self) -> bool:
        """Whether Redis answers."""
        try:
            self._reader.feed()
        except StoreError:
            return False
        else:
            return True

    def get_stats(self) -> dict[str, Any]:
        """Return the collector's counters, and the number of keys and the memory of the database.

        `last_update` is in seconds since 1970 (UTC), `last_update_str` in local time, `memory_mb`
        in MiB. When Redis is unreachable: `error`, and `connected` is False.
        """
        from redis import RedisError

        try:
            return _statistics(self.redis_client) | {"connected": True}
        except (RedisError, ValueError) as error:
            return {"error": str(error), "connected": False}

    def get_option(self, symbol: str) -> dict[str, Any] | None:
        """Return the numbers of *symbol* by their long names, and `timestamp`; None if unknown.

        Unknown numbers are 0; `timestamp` is the venue's time of the tick in whole seconds. None,
        too, with the reason on stdout, when it is not live or Redis is unreachable.
        """
        try:
            option = self._reader.get(symbol)
        except NoSuchOption:
            return None
        except (StaleData, StoreError) as error:
            print(f"Error getting {symbol}: {error}")  # noqa: T201
            return None
        numbers = {name: getattr(option, name) or 0.0 for name in _NUMBERS}
        return {"symbol": symbol, "timestamp": option.ts_ms // 1000, **numbers}

    def get_all_options(self, asset: str | None = None) -> list[Row]:
        """Return a row for each option, or each of *asset*.

        Sorted by asset, expiry, settle coin, strike and type. Empty, with the reason on stdout,
        when the feed is dead or Redis is unreachable.
        """
        return self._listed(asset)

    def get_high_volume_options(self, min_volume: float = 100000) -> list[Row]:
        """Return the options with a volume of 24 hours of *min_volume* (base coin) or more."""
        return self._listed(min_volume=_bound(min_volume))

    def get_high_iv_options(self, min_iv: float = 1.0) -> list[Row]:
        """Return the options with a mark volatility of *min_iv* or more (1.0 is 100 %).

        Raises BadInput for values above 10, which are percentages.
        """
        return self._listed(min_iv=_bound(min_iv))

    def get_expiry_options(self, expiry_date: Expiry) -> list[Row]:
        """Return the options that are delivered at *expiry_date*; empty if none is listed.

        It is written as `241129`, `29NOV24`, ISO 8601, a date, or `front`. Raises BadInput for
        other texts, and StoreError.
        """
        expiries.day_of(expiry_date)
        try:
            return rows(self._reader, _OF_EXPIRY, expiry=expiry_date)
        except (StaleData, BadInput):  # BadInput: no option of that expiry is listed
            return []

    def get_summary(self) -> dict[str, Any]:
        """Return the number of options in total and of three assets, and the collector's counters.

        When Redis is unreachable: only `error`.
        """
        try:
            counts = Counter(row["asset"] for row in rows(self._reader, ("asset",)))
        except StaleData:
            counts = Counter()
        except StoreError as error:
            return {"error": str(error)}
        stats = self.get_stats()
        return {
            "total_symbols": counts.total(),
            "btc_options": counts["BTC"],
            "eth_options": counts["ETH"],
            "sol_options": counts["SOL"],
            "total_messages": stats.get("messages", 0),
            "last_update": stats.get("last_update_str", "Unknown"),
            "memory_usage_mb": stats.get("memory_mb", 0),
        }

    def export_to_json(self, filename: str | PathLike[str], asset: str | None = None) -> None:
        """Write `get_all_options` to a file, completely or not at all.

        Raises FileError if the file can't be written.
        """
        options = self.get_all_options(asset)
        content = {
            "exported_at": _local(time.time()).isoformat(),
            "count": len(options),
            "asset": asset or "all",
            "data": options,
        }
        _write(filename, json.dumps(content, indent=2, allow_nan=False))
        print(f"Exported {len(options)} options to {filename}")  # noqa: T201

    def export_to_csv(self, filename: str | PathLike[str], asset: str | None = None) -> None:
        """As `export_to_json`, as CSV; without options no file is written."""
        options = self.get_all_options(asset)
        if not options:
            print("No data to export")  # noqa: T201
            return
        text = io.StringIO()
        writer = csv.DictWriter(text, _LISTED)
        writer.writeheader()
        writer.writerows(options)
        _write(filename, text.getvalue())
        print(f"Exported {len(options)} options to {filename}")  # noqa: T201

    def _listed(self, asset: str | None = None, **bounds: "Unpack[Bounds]") -> list[Row]:
        try:
            name = None if isinstance(asset, str) and not asset else asset
            return rows(self._reader, _LISTED, name, **bounds)
        except Unknown:
            return []
        except (StaleData, StoreError) as error:
            print(f"Error getting options: {error}")  # noqa: T201
            return []


def _url(host: str | None, port: int | None, db: int | None) -> str | None:
    if host is None and port is None and db is None:
        return None
    name = host or "localhost"
    shown = f"[{name}]" if ":" in name else name
    return f"redis://{shown}:{6379 if port is None else port}/{db or 0}"


def _statistics(client: Any) -> dict[str, Any]:
    stats = client.hgetall(keys.STATS)
    last_update = float(stats.get(StatsField.LAST_UPDATE, 0))
    return {
        "messages": int(stats.get(StatsField.MESSAGES, 0)),
        "batches": int(stats.get(StatsField.BATCHES, 0)),
        "last_update": last_update,
        "last_update_str": f"{_local(last_update):%Y-%m-%d %H:%M:%S}",
        "db_keys": client.dbsize(),
        "memory_mb": round(client.info("memory")["used_memory"] / MB, 2),
    }


def _bound(minimum: float) -> float | None:
    """Return *minimum*, or None if unknown numbers, which are 0 here, have to meet it too."""
    bound = number("minimum", minimum)
    return None if bound <= 0 else bound


def _local(seconds: float) -> datetime:
    """Convert to local time without a zone, as the old files have it."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().replace(tzinfo=None)


def _write(filename: str | PathLike[str], text: str) -> None:
    with files.replacing(Path(filename)) as file:
        file.write(text.encode())
