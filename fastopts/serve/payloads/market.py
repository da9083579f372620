"""Payloads: the bodies of API responses and of stream messages, as dictionaries for JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from fastopts.errors import BadInput
from fastopts.reader import Absent, Chain, Option
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.mirrors.mirror import BaseMirror
from fastopts.reader.objects.chain import PUT_CALL_FIELDS, front_label, put_call_ratio
from fastopts.reader.selection.scan import Scan
from fastopts.serve.payloads import rows
from fastopts.serve.source import MarketSource

__all__ = (
    "DELTAS",
    "Delta",
    "Payload",
    "chain_payload",
    "chains_payload",
    "expiries_payload",
    "feed_payload",
    "instruments_payload",
    "option_payload",
    "options_payload",
    "parse_deltas",
    "scan_payload",
    "smile_payload",
    "surface_payload",
)

Payload = dict[str, Any]
Delta = float | Literal["atm"]

DELTAS_MAX: Final = 100  # of one request; each is an interpolation per series

# The deltas that desks quote, from the put wing over the money to the call wing.
DELTAS: Final[tuple[Delta, ...]] = (
    *(-0.1, -0.15, -0.25, -0.35, -0.45),
    "atm",
    *(0.45, 0.35, 0.25, 0.15, 0.1),
)
_SURFACE_FIELDS: Final = (
    *("expiry_ms", "label", "settle", "dte", "forward", "atm_iv", "live", "total"),
)


def option_payload(option: Option) -> Payload:
    """One option."""
    return rows.envelope(option.moment) | rows.option_row(option)


def options_payload(feed_state: FeedState, results: Sequence[Option | Absent]) -> Payload:
    """The options in *results*, and why each absent one is missing."""
    return rows.envelope(feed_state) | {
        "options": [rows.option_row(result) for result in results if isinstance(result, Option)],
        "absent": rows.absent_rows(result for result in results if isinstance(result, Absent)),
    }


def expiries_payload(
    mirror: BaseMirror, asset: str, settle: str | None, require_live: bool = False
) -> Payload:
    """The series of *asset* with their aggregates, without options."""
    chains = mirror.chains(asset, settle, require_live=require_live)
    prices = (chain.index_price for chain in chains if chain.index_price)
    options = [option for chain in chains for option in chain.options]
    return rows.envelope(chains[0].moment) | {
        "asset": chains[0].asset,
        "index_price": next(prices, None),
        "front": front_label(chains),
        **{f"put_call_{name}": put_call_ratio(options, name) for name in PUT_CALL_FIELDS},
        "expiries": [rows.series_row(chain) for chain in chains],
    }


def chain_payload(chain: Chain) -> Payload:
    """One series strike by strike."""
    return rows.envelope(chain.moment) | rows.chain_row(chain)


def chains_payload(chains: Sequence[Chain]) -> Payload:
    """All series of an asset strike by strike."""
    return rows.envelope(chains[0].moment) | {
        "asset": chains[0].asset,
        "chains": [rows.chain_row(chain) for chain in chains],
    }


def instruments_payload(mirror: BaseMirror, asset: str | None) -> Payload:
    """The terms of all listed options, or of those of *asset*."""
    listed = mirror.instruments(asset)
    return rows.envelope(mirror.feed()) | {"instruments": list(map(rows.instrument_row, listed))}


def smile_payload(chain: Chain) -> Payload:
    """One series' volatilities by strike."""
    return (
        rows.envelope(chain.moment)
        | rows.series_row(chain)
        | {"points": list(map(rows.smile_row, chain.smile()))}
    )


def surface_payload(
    mirror: BaseMirror,
    asset: str,
    settle: str | None,
    deltas: Sequence[Delta] = DELTAS,
    require_live: bool = False,
) -> Payload:
    """Mark volatilities of *asset* by expiry and delta."""
    chains = mirror.chains(asset, settle, require_live=require_live)
    return rows.envelope(chains[0].moment) | {
        "asset": chains[0].asset,
        "deltas": deltas,
        "expiries": [_surface_row(chain, deltas) for chain in chains],
    }


def scan_payload(result: Scan, streamed: bool = False) -> Payload:
    """The options of a scan, and how many it left out for which reason.

    *streamed* rows lack the fields that change with the time alone.
    """
    row = rows.streamed_row if streamed else rows.option_row
    return {
        "considered": result.considered,
        "matching": result.matching,
        "out_of_bounds": result.out_of_bounds,
        "excluded": result.excluded,
        "options": [row(option) for option in result],
    }


def feed_payload(source: MarketSource) -> Payload:
    """The state of the feed, the health of its data, and the round trip to Redis."""
    return (
        rows.feed_row(source.mirror.feed())
        | source.health().values
        | {
            "messages_s": source.messages_s,
            "redis_ms": None if source.redis_s is None else source.redis_s * 1000,
        }
    )


def parse_deltas(text: str | None) -> Sequence[Delta]:
    """Parse deltas such as `-0.1,atm,0.25`; `DELTAS` for None. Raises BadInput."""
    if text is None:
        return DELTAS
    deltas: list[Delta] = []
    parts = text.split(",")
    if len(parts) > DELTAS_MAX:
        raise BadInput(f"deltas: {len(parts)} of them; write at most {DELTAS_MAX}")
    for part in parts:
        try:
            name = part.strip().lower()
            deltas.append("atm" if name == "atm" else _checked_delta(float(name)))
        except ValueError:
            raise BadInput(
                f"deltas: {part!r} is not a delta; write deltas such as -0.1,-0.25,atm,0.25,0.1"
            ) from None
    return deltas


def _surface_row(chain: Chain, deltas: Sequence[Delta]) -> Mapping[str, Any]:
    values = rows.series_row(chain)
    ivs = [_iv(chain, delta) for delta in deltas]
    return {name: values[name] for name in _SURFACE_FIELDS} | {"ivs": ivs}


def _iv(chain: Chain, delta: Delta) -> float | None:
    return chain.atm_iv if delta == "atm" else chain.iv_at_delta(delta)


def _checked_delta(delta: float) -> float:
    if not 0 < abs(delta) < 1:
        raise ValueError
    return delta
