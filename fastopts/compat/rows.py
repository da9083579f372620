"""A market as a list of dictionaries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from fastopts.reader import OptionReader

if TYPE_CHECKING:
    from typing import Unpack

    from fastopts.reader.objects.market import Column
    from fastopts.reader.selection.bounds import Bounds

__all__ = ("Row", "rows")

Row = dict[str, Any]

_COLUMNS: Final = {"timestamp": "ts"}


def rows(
    reader: OptionReader,
    names: Sequence[str],
    asset: str | None = None,
    sort: str | None = None,
    **bounds: "Unpack[Bounds]",
) -> list[Row]:
    """What is live, not delivered and within *bounds*, with *names*: those of the vocabulary, and
    `timestamp`, the venue's time of the tick in whole seconds. A number that there is not is 0.

    There is no other gate: what has no quotes is among them. Raises what `OptionReader.scan` does.
    """
    found = reader.scan(asset, gate=False, sort=sort, **bounds)
    market = found.market
    is_good = market.column("live") & (market.column("phase") != "expired")
    kept = found.rows[is_good[found.rows]]
    columns = [_plain(market.column(_COLUMNS.get(name, name))[kept]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(column: "Column") -> list[Any]:
    """Python's own values: 0 for NaN, whole seconds for times."""
    if column.dtype.kind == "M":
        column = column.astype("datetime64[s]").astype("int64")
    values: list[Any] = column.tolist()
    return [0.0 if value != value else value for value in values]
