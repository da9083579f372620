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
    """Return the live options within *bounds* that are not delivered, as dictionaries of *names*.

    Names are those of the field registry, and `timestamp`, the venue's time of the tick in whole
    seconds. Unknown numbers are 0. Options without quotes are included: unlike a scan of the
    reader, no gate leaves them out. Raises what `OptionReader.scan` raises.
    """
    result = reader.scan(asset, gate=False, sort=sort, **bounds)
    market = result.market
    is_tradable = market.column("live") & (market.column("phase") != "expired")
    selected = result.rows[is_tradable[result.rows]]
    columns = [_plain(market.column(_COLUMNS.get(name, name))[selected]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(column: "Column") -> list[Any]:
    """Convert to Python values: 0 for NaN, whole seconds for times."""
    if column.dtype.kind == "M":
        column = column.astype("datetime64[s]").astype("int64")
    values: list[Any] = column.tolist()
    return [0.0 if value != value else value for value in values]
