"""What a client writes to subscribe, and the topic that it names."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import orjson

from fastopts.errors import BadInput, FastoptsError, NoSuchOption, clipped
from fastopts.reader.mirrors.mirror import BaseMirror
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.universe import asset_name, settle_coin
from fastopts.reader.selection import arguments as checks
from fastopts.reader.selection import scan as scans
from fastopts.reader.selection.bounds import Bounds
from fastopts.reader.selection.scope import Scope
from fastopts.serve.payloads import market as bodies
from fastopts.serve.streams.topics import Row, RowTopic, Topic, WholeTopic

__all__ = ("Topics", "Wish", "parse", "read")

SYMBOLS_MAX: Final = 2000
ID_MAX: Final = 32
SCAN_ROWS: Final = 500
# From one look to the next.
WHOLE_S: Final = 1.0
SURFACE_S: Final = 2.0

_WITH: Final[Mapping[str, frozenset[str]]] = {
    "symbols": frozenset(),
    "asset": frozenset(("expiry", "settle")),
    "scan": frozenset(),
    "expiries": frozenset(("settle",)),
    "surface": frozenset(("settle",)),
}

Wish = tuple[str, dict[str, Any]]  # the id, and the rest of what was written


def parse(text: str | bytes) -> dict[str, Any]:
    """An object out of its JSON. Raises BadInput."""
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{clipped(repr(text))} is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise BadInput('write an object: {"id": "a", "asset": "BTC"}')
    return given


def read(given: Mapping[str, Any], usual_id: str | None = None) -> Wish:
    """A subscription that was parsed. Raises BadInput for one without an id, or of no kind."""
    wish = dict(given)
    name = wish.pop("id", usual_id)
    if not isinstance(name, str) or not 0 < len(name) <= ID_MAX:
        raise BadInput(f"id: write a text of at most {ID_MAX} characters")
    kinds = [kind for kind in _WITH if kind in wish]
    if len(kinds) != 1:
        raise BadInput(f"a subscription names one of {', '.join(_WITH)}")
    strangers = wish.keys() - _WITH[kinds[0]] - {kinds[0]}
    if strangers:
        raise BadInput(f"{kinds[0]}: there is no {clipped(', '.join(sorted(strangers)))}")
    return name, wish


class Topics:
    """Makes the topics that wishes name; *table* has the rows that they tell of."""

    def __init__(self, mirror: Callable[[], BaseMirror], table: Mapping[str, Row]) -> None:
        self._mirror = mirror
        self._table = table

    def plain(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """*wish* checked and in one spelling. Raises BadInput; Unknown for what is not listed."""
        if "symbols" in wish:
            symbols = _symbols(wish["symbols"])
            self._mirror().check(Scope(None, tuple(symbols)))
            return {"symbols": symbols}
        if "scan" in wish:
            return {"scan": _scan_terms(wish["scan"])}
        settle = settle_coin(wish.get("settle"))
        for kind in ("expiries", "surface"):
            if kind in wish:
                return {kind: asset_name(wish[kind]), "settle": settle}
        asset = asset_name(wish["asset"])
        if wish.get("expiry") is None:
            self._mirror().check(_scope_of(asset, settle))
            return {"asset": asset, "settle": settle}
        return self._series(asset, wish["expiry"], settle)

    def make(self, plain: Mapping[str, Any]) -> Topic:
        """The topic of a plain wish."""
        match plain:
            case {"symbols": symbols}:
                wanted = set(symbols)
                scope = Scope(None, tuple(symbols))
                return RowTopic(self._table, lambda: wanted, lambda: self._fault(scope))
            case {"scan": terms}:
                return WholeTopic("scan", WHOLE_S, lambda: self._scan(terms))
            case {"expiries": asset, "settle": settle}:
                return WholeTopic(
                    "expiries", WHOLE_S, lambda: bodies.expiries(self._mirror(), asset, settle)
                )
            case {"surface": asset, "settle": settle}:
                return WholeTopic(
                    "surface", SURFACE_S, lambda: bodies.surface(self._mirror(), asset, settle)
                )
        return RowTopic(self._table, lambda: self._listed(plain), lambda: self._series_fault(plain))

    def _fault(self, scope: Scope) -> FastoptsError | None:
        """Why *scope* can't match any more. Raises what keeps that from being known."""
        mirror = self._mirror()
        if (problem := mirror.problem) is not None:
            raise problem.with_traceback(None)
        try:
            mirror.check(scope)
        except (BadInput, NoSuchOption) as error:
            return error
        return None

    def _series_fault(self, plain: Mapping[str, Any]) -> FastoptsError | None:
        """Why a chain's asset, settle coin or expiry is not listed any more; as `_fault`."""
        asset, settle, expiry = plain["asset"], plain["settle"], plain.get("expiry")
        fault = self._fault(_scope_of(asset, settle))
        if fault is not None or expiry is None or self._listed(plain):
            return fault
        mirror = self._mirror()
        try:
            mirror.universe(asset).choose(expiry, settle, mirror.feed().venue_ms)
        except NoSuchOption as error:
            return error
        return None

    def _series(self, asset: str, expiry: object, settle: str | None) -> dict[str, Any]:
        day = expiries.day_of(cast("str", expiry))
        mirror = self._mirror()
        if day is None or mirror.problem is None:  # which is the front has to be known
            named = None if day is None else cast("str", expiry)
            found = mirror.chain(asset, named, settle, require_live=False, allow_expired=True)
            day, settle = found.series.expiry.date(), found.settle
            label = found.series.label
        else:
            label = expiries.label_of(day)
        return {"asset": asset, "settle": settle, "expiry": label}

    def _listed(self, plain: Mapping[str, Any]) -> set[str]:
        asset, settle = plain["asset"], plain["settle"]
        expiry = plain.get("expiry")
        mirror = self._mirror()
        if asset not in mirror.feed().assets:
            return set()
        series = [
            one
            for one in mirror.universe(asset).members
            if settle in (None, one.series.settle)
            and (expiry is None or expiries.is_delivered_at(one.series.expiry_ms, expiry))
        ]
        # of two deliveries on one day, the label is of one
        exact = [one for one in series if one.series.label == expiry]
        return {symbol for one in exact or series for symbol in one.symbols}

    def _scan(self, terms: Mapping[str, Any]) -> dict[str, Any]:
        return bodies.scan(self._mirror().scan(**terms, require_live=False), streamed=True)


def _symbols(given: object) -> list[str]:
    if not isinstance(given, list) or not 0 < len(given) <= SYMBOLS_MAX:
        raise BadInput(f"symbols: a list of 1 to {SYMBOLS_MAX}")
    return sorted(set(checks.symbols(given)))


def _scope_of(asset: str, settle: str | None) -> Scope:
    return Scope(asset, bounds={} if settle is None else {"settle": settle})


def _scan_terms(given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise BadInput('scan: an object of bounds: {"asset": "BTC", "min_iv": 0.5}')
    terms = {name: value for name, value in given.items() if value is not None}
    asset, gate = terms.pop("asset", None), terms.pop("gate", True)
    sort, limit = terms.pop("sort", None), terms.pop("limit", SCAN_ROWS)
    if not isinstance(gate, bool):
        raise BadInput(f"gate: {clipped(repr(gate))}: write true or false")
    checked, most = scans.check(cast("Bounds", terms), gate, sort, limit)
    limit = min(most or SCAN_ROWS, SCAN_ROWS)
    asset = None if asset is None else asset_name(asset)
    return {**checked, "asset": asset, "gate": gate, "sort": sort, "limit": limit}
