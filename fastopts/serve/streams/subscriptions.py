"""Subscription requests: their syntax, their normal form, and the topics that they name."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import orjson

from fastopts.errors import BadInput, FastoptsError, NoSuchOption, clipped
from fastopts.field_registry import BOUNDED
from fastopts.reader.mirrors.mirror import BaseMirror
from fastopts.reader.objects.expiry import FRONT, day_of, is_delivered_at, label_of
from fastopts.reader.objects.universe import asset_name, settle_coin
from fastopts.reader.selection import arguments, scan
from fastopts.reader.selection.bounds import Bounds
from fastopts.reader.selection.notation import parse_number
from fastopts.reader.selection.scope import Scope, scope_of
from fastopts.serve.payloads.market import (
    expiries_payload,
    scan_payload,
    smile_payload,
    surface_payload,
)
from fastopts.serve.protocol import MessageType
from fastopts.serve.streams.topics import OptionRow, RowTopic, SnapshotTopic, Topic

__all__ = ("SubscriptionRequest", "TopicFactory", "parse", "read")

SYMBOLS_MAX: Final = 2000  # as of /v1/options; fits into a message of 64 KiB
ID_MAX: Final = 32  # it is repeated in every message
SCAN_ROWS_MAX: Final = 500  # a scan is sent whole, up to once a second

# Seconds from one renewal to the next. A scan or the expiries of an asset read every option, a
# surface interpolates each of its series as well.
SNAPSHOT_S: Final = 1.0
SURFACE_S: Final = 2.0

# The kinds of subscriptions, and the fields that each may have besides its own.
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "symbols": frozenset(),
    "asset": frozenset(("expiry", "settle")),
    "scan": frozenset(),
    "expiries": frozenset(("settle",)),
    "smile": frozenset(("expiry", "settle")),
    "surface": frozenset(("settle",)),
}

SubscriptionRequest = tuple[str, dict[str, Any]]  # the id, and the fields of the selection


def parse(text: str | bytes) -> dict[str, Any]:
    """Parse the JSON object in *text*. Raises BadInput."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{clipped(repr(text))} is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise BadInput('not a JSON object; write one such as {"id": "a", "asset": "BTC"}')
    return message


def read(message: Mapping[str, Any], default_id: str | None = None) -> SubscriptionRequest:
    """Return the request in a parsed *message*. Raises BadInput if it has no id or no kind."""
    selection = dict(message)
    name = selection.pop("id", default_id)
    if not isinstance(name, str) or not 0 < len(name) <= ID_MAX:
        raise BadInput(f"id: write a string of 1 to {ID_MAX} characters")
    kinds = [kind for kind in _FIELDS if kind in selection]
    if len(kinds) != 1:
        raise BadInput(f"a subscription needs exactly one of {', '.join(_FIELDS)}")
    unknown = selection.keys() - _FIELDS[kinds[0]] - {kinds[0]}
    if unknown:
        raise BadInput(f"{kinds[0]}: unknown field {clipped(', '.join(sorted(unknown)))}")
    return name, selection


class TopicFactory:
    """Makes the topics that requests name, over *mirror* and the rows in *table*."""

    def __init__(self, mirror: BaseMirror, table: Mapping[str, OptionRow]) -> None:
        self._mirror = mirror
        self._table = table

    def normalize(self, selection: Mapping[str, Any]) -> dict[str, Any]:
        """Check *selection* and return it in one spelling: equal requests share a topic.

        Raises BadInput, and Unknown for options that are not listed.
        """
        if "symbols" in selection:
            symbols = _symbols(selection["symbols"])
            self._mirror.check(Scope(None, tuple(symbols)))
            return {"symbols": symbols}
        if "scan" in selection:
            return {"scan": _scan_arguments(selection["scan"])}
        settle = settle_coin(selection.get("settle"))
        for kind in ("expiries", "surface"):
            if kind in selection:
                return {kind: asset_name(selection[kind]), "settle": settle}
        if "smile" in selection:
            asset = asset_name(selection["smile"])
            return self._normalize_smile(asset, selection.get("expiry", FRONT), settle)
        asset = asset_name(selection["asset"])
        if selection.get("expiry") is None:
            self._mirror.check(_scope_of(asset, settle))
            return {"asset": asset, "settle": settle}
        return self._normalize_series(asset, selection["expiry"], settle)

    def make(self, normal: Mapping[str, Any]) -> Topic:
        """Return the topic of a normalized selection."""
        match normal:
            case {"symbols": symbols}:
                selected = set(symbols)
                scope = Scope(None, tuple(symbols))
                return RowTopic(self._table, lambda: selected, lambda: self._fault(scope))
            case {"scan": scan_arguments}:
                return self._snapshot(MessageType.SCAN, lambda: self._scan(scan_arguments))
            case {"expiries": asset, "settle": settle}:
                return self._snapshot(
                    MessageType.EXPIRIES, lambda: expiries_payload(self._mirror, asset, settle)
                )
            case {"smile": asset, "expiry": expiry, "settle": settle}:
                return self._snapshot(MessageType.SMILE, lambda: self._smile(asset, expiry, settle))
            case {"surface": asset, "settle": settle}:
                return self._snapshot(
                    MessageType.SURFACE, lambda: surface_payload(self._mirror, asset, settle)
                )
        return RowTopic(
            self._table, lambda: self._listed(normal), lambda: self._series_fault(normal)
        )

    def _snapshot(self, kind: MessageType, make: Callable[[], dict[str, Any]]) -> SnapshotTopic:
        every_s = SURFACE_S if kind is MessageType.SURFACE else SNAPSHOT_S
        return SnapshotTopic(kind, every_s, make)

    def _fault(self, scope: Scope) -> FastoptsError | None:
        """Return why nothing listed matches *scope* any more, None if something does.

        Raises the mirror's problem, since nothing is known of the listing then.
        """
        mirror = self._mirror
        if (problem := mirror.problem) is not None:
            raise problem.with_traceback(None)
        try:
            mirror.check(scope)
        except (BadInput, NoSuchOption) as error:
            return error
        return None

    def _series_fault(self, normal: Mapping[str, Any]) -> FastoptsError | None:
        """As `_fault`, for the asset, settle coin or expiry of a chain."""
        asset, settle, expiry = normal["asset"], normal["settle"], normal.get("expiry")
        fault = self._fault(_scope_of(asset, settle))
        if fault is not None or expiry is None or self._listed(normal):
            return fault
        mirror = self._mirror
        try:
            mirror.universe(asset).choose(expiry, settle, mirror.feed().venue_ms)
        except NoSuchOption as error:
            return error
        return None

    def _normalize_series(self, asset: str, expiry: object, settle: str | None) -> dict[str, Any]:
        day = day_of(cast("str", expiry))
        mirror = self._mirror
        # "front" has no day: which series that is has to be known, so a feed that is down raises.
        if day is None or mirror.problem is None:
            name = None if day is None else cast("str", expiry)
            chain = mirror.chain(asset, name, settle, require_live=False, allow_expired=True)
            settle, label = chain.settle, chain.series.label
        else:
            label = label_of(day)
        return {"asset": asset, "settle": settle, "expiry": label}

    def _normalize_smile(self, asset: str, expiry: object, settle: str | None) -> dict[str, Any]:
        series = self._normalize_series(asset, expiry, settle)
        return {"smile": series.pop("asset"), **series}

    def _listed(self, normal: Mapping[str, Any]) -> set[str]:
        """The listed symbols of an asset or series; empty when it left the listing."""
        asset, settle = normal["asset"], normal["settle"]
        expiry = normal.get("expiry")
        mirror = self._mirror
        if asset not in mirror.feed().assets:
            return set()
        members = [
            member
            for member in mirror.universe(asset).members
            if settle in (None, member.series.settle)
            and (expiry is None or is_delivered_at(member.series.expiry_ms, expiry))
        ]
        # Of two deliveries on one day, the label names one exactly.
        exact = [member for member in members if member.series.label == expiry]
        return {symbol for member in exact or members for symbol in member.symbols}

    def _smile(self, asset: str, expiry: str, settle: str | None) -> dict[str, Any]:
        chain = self._mirror.chain(asset, expiry, settle, require_live=False, allow_expired=True)
        return smile_payload(chain)

    def _scan(self, scan_arguments: Mapping[str, Any]) -> dict[str, Any]:
        result = self._mirror.scan(**scan_arguments, require_live=False)
        return scan_payload(result, streamed=True)


def _bound(name: str, value: Any) -> Any:
    """The *value* of a bound: numbers may be texts such as 90k, as in the API's parameters."""
    if name not in BOUNDED or not isinstance(value, str):
        return value
    try:
        return parse_number(value)
    except ValueError as error:
        raise BadInput(f"{name}: {error}", arguments=(name,)) from None


def _symbols(value: object) -> list[str]:
    if not isinstance(value, list) or not 0 < len(value) <= SYMBOLS_MAX:
        raise BadInput(f"symbols: write a list of 1 to {SYMBOLS_MAX} symbols")
    return sorted(scope_of(arguments.symbols(value)).symbols)


def _scope_of(asset: str, settle: str | None) -> Scope:
    return Scope(asset, bounds={} if settle is None else {"settle": settle})


def _scan_arguments(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput('scan: write an object of bounds, such as {"asset": "BTC", "min_iv": 0.5}')
    bounds = {name: _bound(name, each) for name, each in value.items() if each is not None}
    asset, gate = bounds.pop("asset", None), bounds.pop("gate", True)
    sort, limit = bounds.pop("sort", None), bounds.pop("limit", SCAN_ROWS_MAX)
    if not isinstance(gate, bool):
        raise BadInput(f"gate: {clipped(repr(gate))} is neither true nor false")
    checked, limit = scan.check(cast("Bounds", bounds), gate, sort, limit)
    limit = min(limit or SCAN_ROWS_MAX, SCAN_ROWS_MAX)
    asset = None if asset is None else asset_name(asset)
    return {**checked, "asset": asset, "gate": gate, "sort": sort, "limit": limit}
