"""Scans: the options of a market that meet bounds, behind a gate that excludes unusable values."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fastopts.errors import BadInput
from fastopts.field_registry import IV_CAP, SETTLING_MS
from fastopts.reader.export.table import Table
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.market import NAMES, Column, Market
from fastopts.reader.objects.universe import settle_coin
from fastopts.reader.selection import bounds as bound_rules
from fastopts.reader.selection.arguments import count, flag, shown
from fastopts.reader.selection.bounds import TERMS, VALUES, Bounds

__all__ = ("SORTABLE", "Scan", "check", "reason_text", "scan")

SORTABLE: Final = tuple(sorted(NAMES))


Mask = NDArray[np.bool_]


class Scan(Table):
    """The options that a scan selected, in order, and how many it left out for which reason.

    *considered* counts the options whose terms meet the bounds on terms (expiry, settle coin, type,
    days, strike), and those whose terms are unknown. Each of them is *matching*, *out_of_bounds* of
    another bound, or *excluded* by the gate, by its first reason; the numbers of these add up to
    *considered*. A limit may leave fewer rows than are matching.
    """

    def __init__(
        self,
        market: Market,
        rows: NDArray[np.intp],
        considered: int,
        excluded: dict[str, int],
        matching: int,
    ) -> None:
        super().__init__(market, rows)
        self.considered = considered
        self.excluded = excluded
        self.matching = matching

    def __repr__(self) -> str:
        first = f"the first {len(self)} of " if len(self) < self.matching else ""
        return f"<Scan: {first}{', '.join(self.counts())}>"

    @property
    def out_of_bounds(self) -> int:
        """The number of options that the gate passes, and that a bound on their values excludes."""
        return self.considered - self.matching - sum(self.excluded.values())

    def counts(self) -> list[str]:
        """The numbers as texts: matching of those considered, out of bounds, excluded by reason."""
        ordered = sorted(self.excluded.items(), key=lambda item: -item[1])
        reasons = [f"{count:,} {reason_text(reason)}" for reason, count in ordered] or ["none"]
        return [
            f"{self.matching:,} of {self.considered:,} options match",
            f"{self.out_of_bounds:,} out of bounds",
            f"excluded: {reasons[0]}",
            *reasons[1:],
        ]


def reason_text(name: str) -> str:
    """A reason of the gate as text: `no bid IV` for `no_bid_iv`."""
    return " ".join("IV" if part == "iv" else part for part in name.split("_"))


def check(
    bounds: Bounds, gate: bool, sort: str | None, limit: int | None
) -> tuple[Bounds, int | None]:
    """Return the bounds as `bounds.check` does, and the limit.

    Raises BadInput for invalid bounds, an unknown column to sort by, or a limit below 1.
    """
    checked = bound_rules.check(bounds, flag("gate", gate))
    if sort is not None and (not isinstance(sort, str) or sort.removeprefix("-") not in SORTABLE):
        fault = f"{shown(sort)} is not a column; there are: {', '.join(SORTABLE)}"
        raise BadInput(f"sort: {fault}", arguments=("sort",))
    return checked, None if limit is None else count("limit", limit)


def scan(market: Market, bounds: Bounds, gate: bool, sort: str | None, limit: int | None) -> Scan:
    """Scan *market*; the arguments must have passed `check`."""
    scope = _scope(market, bounds)
    selected, excluded = _gated(market, scope) if gate else _ungated(market, scope)
    if market.listing.unplaced:
        # they have no row, so the gate cannot count them
        excluded["no_terms"] = len(market.listing.unplaced)
    if market.listing.doubles:
        excluded["same_place"] = len(market.listing.doubles)
    selected = _within(market, selected, bounds, VALUES)
    if (otm := bounds.get("otm")) is not None:
        selected = selected & (market.column("otm") == otm) & ~np.isnan(market.column("forward"))
    rows = _sorted(market, np.flatnonzero(selected), sort)
    without_row = len(market.listing.unplaced) + len(market.listing.doubles)
    return Scan(market, rows[:limit], int(scope.sum()) + without_row, excluded, len(rows))


def _scope(market: Market, bounds: Bounds) -> Mask:
    """The options whose terms meet the bounds."""
    scope = np.ones(len(market), dtype=np.bool_)
    if (expiry := bounds.get("expiry")) is not None:
        scope &= _delivered_at(market, expiry)
    if settle := settle_coin(bounds.get("settle")):
        scope &= market.column("settle") == settle
    if kind := bounds.get("type"):
        scope &= market.column("type") == kind
    return _within(market, scope, bounds, TERMS)


def _delivered_at(market: Market, expiry: Expiry) -> Mask:
    day = expiries.day_of(expiry)
    if day is None:
        return _front(market)
    delivery = market.column("expiry")
    of_day: Mask = delivery.astype("datetime64[D]") == np.datetime64(day)
    times_ms = np.unique(delivery[of_day]).astype("datetime64[ms]").astype(np.int64)
    matching = [at for at in times_ms.tolist() if expiries.is_delivered_at(at, expiry)]
    exact_ms = expiries.exact_ms(expiry)
    exact = [at for at in matching if exact_ms is not None and at // 1000 == exact_ms // 1000]
    selected = np.array(exact or matching, dtype=np.int64).astype("datetime64[ms]")
    return of_day & np.isin(delivery, selected)


def _front(market: Market) -> Mask:
    """The options of each asset's first expiry that is trading."""
    front = np.zeros(len(market), dtype=np.bool_)
    delivery, assets = market.column("expiry"), market.column("asset")
    trading = market.left_ms > SETTLING_MS
    for asset in np.unique(assets):
        of_asset = trading & (assets == asset)
        if of_asset.any():
            front |= of_asset & (delivery == delivery[of_asset].min())
    return front


def _within(market: Market, mask: Mask, bounds: Bounds, columns: Mapping[str, str]) -> Mask:
    limits: dict[str, Any] = dict(bounds)
    for name, column in columns.items():
        limit = limits.get(name)
        if limit is not None:
            values = market.column(column)
            # a comparison with NaN is False, so that an absent value meets no bound
            mask = mask & (values >= limit if name.startswith("min") else values <= limit)
    return mask


def _ungated(market: Market, scope: Mask) -> tuple[Mask, dict[str, int]]:
    missing = int((scope & ~market.held).sum())
    return scope & market.held, {"no_tick": missing} if missing else {}


def _gated(market: Market, scope: Mask) -> tuple[Mask, dict[str, int]]:
    """The options that pass the gate, and how many fail by the first reason of each."""
    excluded = {}
    passing = scope
    # a generator: the masks of later reasons are not held at the same time
    for reason, is_bad in _faults(market):
        failing = passing & is_bad
        if failures := int(np.count_nonzero(failing)):
            excluded[reason] = failures
            passing = passing & ~failing
    return passing, excluded


def _faults(market: Market) -> Iterator[tuple[str, Column]]:
    """The reasons of the gate, in the order in which they are counted."""
    # Not by the column `phase`: comparing texts would take a fifth of the gate's time.
    left_ms = market.left_ms
    bid, ask = market.column("bid_price"), market.column("ask_price")
    yield "no_tick", ~market.held
    yield "expired", left_ms <= 0
    yield "stale", ~market.column("live")
    yield "settling", left_ms <= SETTLING_MS
    yield "no_bid", np.isnan(bid)
    yield "no_ask", np.isnan(ask)
    yield "crossed", bid > ask
    yield "no_bid_iv", np.isnan(market.column("bid_iv"))
    yield "no_ask_iv", np.isnan(market.column("ask_iv"))
    # the IV of a higher ask is cut off at the cap, so that it says nothing of the price
    yield "ask_iv_capped", market.column("ask_iv") >= IV_CAP
    yield "no_mark_iv", ~(market.column("mark_iv") > 0)


def _sorted(market: Market, rows: NDArray[np.intp], sort: str | None) -> NDArray[np.intp]:
    """*rows* by a column, descending when its name begins with "-"; absent values come last."""
    if sort is None:
        return rows
    name, is_descending = sort.removeprefix("-"), sort.startswith("-")
    values = market.column(name)[rows]
    if name == "seq":  # -1 stands for none
        values = np.where(values < 0, np.nan, values)
    if values.dtype.kind == "f":
        # argsort puts NaN last in both directions
        order = np.argsort(-values if is_descending else values, kind="stable")
    elif is_descending:  # reversed twice, so that equal values keep their order
        order = len(rows) - 1 - np.argsort(values[::-1], kind="stable")[::-1]
    else:
        order = np.argsort(values, kind="stable")
    return rows[order]
