"""Scans: the options of a market that meet bounds, behind a gate that keeps garbage out."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from fastopts.errors import BadInput
from fastopts.field_registry import IV_CAP, SETTLING_MS
from fastopts.reader.export.table import Table
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.market import NAMES, Column, Market
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import settle_coin
from fastopts.reader.selection.arguments import count, flag, shown
from fastopts.reader.selection.bounds import TERMS, VALUES, Bounds
from fastopts.reader.selection.bounds import check as check_bounds

__all__ = ("SORTABLE", "Scan", "check", "scan")

SORTABLE: Final = tuple(sorted(NAMES))


Mask = NDArray[np.bool_]


class Scan(Table, Sequence[Option]):
    """The options that were found, in order, and what the gate kept out.

    *excluded* counts by reason those of the *considered* options that the gate refused; what did
    not meet the bounds is not among them.
    """

    def __init__(
        self, market: Market, rows: NDArray[np.intp], considered: int, excluded: dict[str, int]
    ) -> None:
        super().__init__(market, rows)
        self.considered = considered
        self.excluded = excluded

    def __repr__(self) -> str:
        return f"<Scan: {len(self)} of {self.considered}, excluded {self.excluded}>"

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Option: ...
    @overload
    def __getitem__(self, place: slice) -> list[Option]: ...
    def __getitem__(self, place: int | slice) -> Option | list[Option]:
        if isinstance(place, slice):
            return [self.market.option(int(row)) for row in self.rows[place]]
        return self.market.option(int(self.rows[place]))

    def __iter__(self) -> Iterator[Option]:
        return (self.market.option(int(row)) for row in self.rows)


def check(
    bounds: Bounds, gate: bool, sort: str | None, limit: int | None
) -> tuple[Bounds, int | None]:
    """Return the bounds as `bounds.check` does, and the limit. Raises BadInput for invalid ones, an
    unknown order, or a limit that lets nothing through."""
    checked = check_bounds(bounds, flag("gate", gate))
    if sort is not None and (not isinstance(sort, str) or sort.removeprefix("-") not in SORTABLE):
        there = ", ".join(SORTABLE)
        raise BadInput(f"sort: {shown(sort)} is no column; there are: {there}", arguments=("sort",))
    return checked, None if limit is None else count("limit", limit)


def scan(market: Market, bounds: Bounds, gate: bool, sort: str | None, limit: int | None) -> Scan:
    """Look through *market* for what was checked to be meaningful."""
    scope = _scope(market, bounds)
    chosen, excluded = _gated(market, scope) if gate else _raw(market, scope)
    if market.listing.unplaced:
        excluded["no_terms"] = len(market.listing.unplaced)
    if market.listing.doubles:
        excluded["same_place"] = len(market.listing.doubles)
    chosen = _within(market, chosen, bounds, VALUES)
    rows = _ordered(market, np.flatnonzero(chosen), sort)
    return Scan(market, rows if limit is None else rows[:limit], int(scope.sum()), excluded)


def _scope(market: Market, bounds: Bounds) -> Mask:
    scope = np.ones(len(market), dtype=np.bool_)
    if (expiry := bounds.get("expiry")) is not None:
        scope &= _delivered_on(market, expiry)
    if settle := settle_coin(bounds.get("settle")):
        scope &= market.column("settle") == settle
    if kind := bounds.get("type"):
        scope &= market.column("type") == kind
    return _within(market, scope, bounds, TERMS)


def _delivered_on(market: Market, expiry: Expiry) -> Mask:
    day = expiries.day_of(expiry)
    delivery = market.column("expiry")
    if day is not None:
        found: Mask = delivery.astype("datetime64[D]") == np.datetime64(day)
        times = np.unique(delivery[found]).astype("datetime64[ms]").astype(np.int64)
        met = [at for at in times.tolist() if expiries.is_delivered_at(at, expiry)]
        exact_ms = expiries.exact_ms(expiry)
        exact = [at for at in met if exact_ms is not None and at // 1000 == exact_ms // 1000]
        wanted = np.array(exact or met, dtype=np.int64).astype("datetime64[ms]")
        return found & np.isin(delivery, wanted)
    front = np.zeros(len(market), dtype=np.bool_)
    trading = market.left_ms > SETTLING_MS
    for asset in np.unique(market.column("asset")):
        mine = trading & (market.column("asset") == asset)
        if mine.any():
            front |= mine & (delivery == delivery[mine].min())
    return front


def _within(market: Market, mask: Mask, bounds: Bounds, names: dict[str, str]) -> Mask:
    given: dict[str, Any] = dict(bounds)
    for name, column in names.items():
        bound = given.get(name)
        if bound is not None:
            values = market.column(column)
            mask = mask & (values >= bound if name.startswith("min") else values <= bound)
    return mask


def _raw(market: Market, scope: Mask) -> tuple[Mask, dict[str, int]]:
    missing = int((scope & ~market.held).sum())
    return scope & market.held, {"no_tick": missing} if missing else {}


def _gated(market: Market, scope: Mask) -> tuple[Mask, dict[str, int]]:
    """What passes, and how many fail by the first reason of each."""
    excluded = {}
    left = scope
    for reason, is_bad in _faults(market):
        failing = left & is_bad
        if count := int(np.count_nonzero(failing)):
            excluded[reason] = count
            left = left & ~failing
    return left, excluded


def _faults(market: Market) -> Iterator[tuple[str, Column]]:
    # Not by `phase`: comparing texts would be a fifth of the gate's time.
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
    yield "ask_iv_capped", market.column("ask_iv") >= IV_CAP
    yield "no_mark_iv", ~(market.column("mark_iv") > 0)


def _ordered(market: Market, rows: NDArray[np.intp], sort: str | None) -> NDArray[np.intp]:
    """*rows* by a column, descending when its name begins with "-"; NaN comes last."""
    if sort is None:
        return rows
    name, is_descending = sort.removeprefix("-"), sort.startswith("-")
    values = market.column(name)[rows]
    if name == "seq":
        values = np.where(values < 0, np.nan, values)
    if values.dtype.kind == "f":
        order = np.argsort(-values if is_descending else values, kind="stable")
    elif is_descending:  # what is equal stays in its order
        order = len(rows) - 1 - np.argsort(values[::-1], kind="stable")[::-1]
    else:
        order = np.argsort(values, kind="stable")
    return rows[order]
