"""Ticks of a symbol, and figures of chains over time."""

import itertools
import math
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from fastopts.errors import BadInput, NoSuchOption, NotRecorded, StaleData, shown
from fastopts.field_registry import SERIES_FIELDS
from fastopts.history.archive import Archive
from fastopts.history.past import PastReader
from fastopts.history.records import open_parquet
from fastopts.reader.export.as_dict import series_value
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.selection.arguments import number

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ("figure", "grid", "table", "ticks")

Figure = Callable[[PastReader], float | None]

POINTS_MAX: Final = 1_000_000  # of a series; more is a mistake in `every`
_AT_DELTA: Final = re.compile(r"(risk_reversal|butterfly)_([1-9]\d?)", re.ASCII)
_NUMBERS: Final = tuple(
    name for name, field in SERIES_FIELDS.items() if field.form in ("number", "count")
)


def ticks(archive: Archive, symbol: str, start_us: int, end_us: int) -> "pa.Table":
    """Return the received ticks of *symbol* from *start_us* to before *end_us*."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from fastopts.history import schema

    start, end = (pa.scalar(at, pa.timestamp("us", tz="UTC")) for at in (start_us, end_us))
    parts = []
    for path in archive.row_paths(symbol.partition("-")[0], start_us, end_us):
        with open_parquet(path) as file:
            for group in range(file.metadata.num_row_groups):
                logged = file.metadata.row_group(group).column(2).statistics
                # Keyframes are older than their minute: only the newest row can rule a group out.
                if logged is not None and logged.has_min_max and not _reaches(logged.max, start):
                    continue
                rows = file.read_row_group(group, use_threads=False)
                is_received = pc.and_(
                    pc.and_(pc.equal(rows["symbol"], symbol), pc.invert(rows["keyframe"])),
                    pc.and_(pc.greater_equal(rows["logged"], start), pc.less(rows["logged"], end)),
                )
                parts.append(rows.filter(is_received))
    layout = schema.rows_schema()
    result = pa.concat_tables(parts) if parts else layout.empty_table()
    return result.drop_columns(["minute", "keyframe"])


def grid(start_us: int, end_us: int, every_us: int) -> range:
    """Return the multiples of *every_us* from *start_us* to *end_us*. Raises BadInput."""
    first_us = -(-start_us // every_us) * every_us
    moments = range(first_us, end_us + 1, every_us)
    if len(moments) > POINTS_MAX:
        raise BadInput(f"every: {len(moments):,} points: write a longer time", arguments=("every",))
    return moments


def table(moments: Iterable[int], past: Callable[[int], PastReader], value: Figure) -> "pa.Table":
    """Return the *value* at each of *moments*, or the reason why there is none."""
    import pyarrow as pa

    times: list[int] = []
    values: list[float | None] = []
    missing: list[str | None] = []
    for at_us in moments:
        times.append(at_us)
        try:
            number = value(past(at_us))
            reason = None if number is not None else "the chain has no such value"
        except (NotRecorded, StaleData, NoSuchOption) as error:
            number, reason = None, str(error)
        values.append(number)
        missing.append(reason)
    return pa.table(
        {
            "time": pa.array(times, pa.timestamp("us", tz="UTC")),
            "value": pa.array(values, pa.float64()),
            "missing": pa.array(missing, pa.string()),
        }
    )


def figure(
    name: str, asset: str, expiry: Expiry | None, settle: str | None, days: float | None
) -> Figure:
    """Return the function that computes *name*. Raises BadInput."""
    if days is None:
        of_chain = _of_chain(name)
        return lambda past: of_chain(past.chain(asset, expiry, settle))
    if expiry is not None:
        raise BadInput("days: a constant maturity has no expiry: write one of the two")
    maturity = number("days", days)
    if not 0 < maturity < math.inf:
        raise BadInput(f"days: {shown(days)} is not a maturity", arguments=("days",))
    constant = _constant_maturity(name)
    return lambda past: constant(past.chains(asset, settle), maturity)


def _of_chain(name: str) -> Callable[[Chain], float | None]:
    match = _AT_DELTA.fullmatch(name) if isinstance(name, str) else None
    if match is not None:
        delta = int(match[2]) / 100
        if match[1] == "risk_reversal":
            return lambda chain: chain.risk_reversal(delta)
        return lambda chain: chain.butterfly(delta)
    if name not in _NUMBERS:
        names = ", ".join((*_NUMBERS, "risk_reversal_25", "butterfly_25"))
        raise BadInput(f"{shown(name)} is no figure of a series: write one of {names}")
    return lambda chain: series_value(chain, name)


def _constant_maturity(name: str) -> Callable[[list[Chain], float], float | None]:
    match = _AT_DELTA.fullmatch(name) if isinstance(name, str) else None
    if match is None and name in ("risk_reversal", "butterfly"):
        match = _AT_DELTA.fullmatch(f"{name}_25")
    if name == "atm_iv":
        return lambda chains, days: _volatility(chains, days, lambda chain: chain.atm_iv)
    if name == "forward":
        return lambda chains, days: _linear([(chain.dte, chain.forward) for chain in chains], days)
    if match is None:
        names = "atm_iv, forward, risk_reversal_25 or butterfly_25"
        raise BadInput(f"{shown(name)} has no constant maturity: write {names}")
    delta, is_reversal = int(match[2]) / 100, match[1] == "risk_reversal"

    def wings(chains: list[Chain], days: float) -> float | None:
        # The volatilities are interpolated and then combined, so that all have one convention.
        call = _volatility(chains, days, lambda chain: chain.iv_at_delta(delta))
        put = _volatility(chains, days, lambda chain: chain.iv_at_delta(-delta))
        middle = _volatility(chains, days, lambda chain: chain.atm_iv)
        if call is None or put is None or (middle is None and not is_reversal):
            return None
        return call - put if is_reversal else (call + put) / 2 - (middle or 0.0)

    return wings


def _volatility(
    chains: list[Chain], days: float, iv: Callable[[Chain], float | None]
) -> float | None:
    """The volatility at *days*, linear in total variance between the expiries around it."""
    points = [(chain.dte, iv(chain)) for chain in chains]
    variances = [(dte, None if value is None else value * value * dte) for dte, value in points]
    variance = _linear(variances, days)
    return None if variance is None else math.sqrt(variance / days)


def _linear(points: list[tuple[float, float | None]], x: float) -> float | None:
    """The value at *x* between the two points around it; None outside of them."""
    known = sorted((at, value) for at, value in points if value is not None and at > 0)
    for (x0, y0), (x1, y1) in itertools.pairwise(known):
        if x0 <= x <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return known[0][1] if len(known) == 1 and known[0][0] == x else None


def _reaches(newest: object, start: "pa.Scalar") -> bool:
    return bool(newest >= start.as_py())
