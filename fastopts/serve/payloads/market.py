"""What is told of the market, out of the mirror: by the API once, by streams again and again."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from fastopts.errors import BadInput
from fastopts.reader import Absent, Chain, Option
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.mirrors.mirror import BaseMirror
from fastopts.reader.selection.scan import Scan
from fastopts.serve.payloads import rows
from fastopts.serve.source import Source

__all__ = (
    "DELTAS",
    "chain",
    "chains",
    "expiries",
    "feed",
    "instruments",
    "option",
    "options",
    "scan",
    "smile",
    "surface",
)

Body = dict[str, Any]
Delta = float | Literal["atm"]

DELTAS_MAX: Final = 100
DELTAS: Final[tuple[Delta, ...]] = (
    *(-0.1, -0.15, -0.25, -0.35, -0.45),
    "atm",
    *(0.45, 0.35, 0.25, 0.15, 0.1),
)


def option(found: Option) -> Body:
    return rows.envelope(found.moment) | rows.option(found)


def options(feed: FeedState, found: Sequence[Option | Absent]) -> Body:
    return rows.envelope(feed) | {
        "options": [rows.option(one) for one in found if isinstance(one, Option)],
        "absent": rows.absent(one for one in found if isinstance(one, Absent)),
    }


def expiries(mirror: BaseMirror, asset: str, settle: str | None, is_live: bool = False) -> Body:
    found = mirror.chains(asset, settle, require_live=is_live)
    return rows.envelope(found[0].moment) | {
        "asset": found[0].asset,
        "index_price": next((one.index_price for one in found if one.index_price), None),
        "expiries": [rows.series(one) for one in found],
    }


def chain(found: Chain) -> Body:
    return rows.envelope(found.moment) | rows.chain(found)


def chains(found: Sequence[Chain]) -> Body:
    return rows.envelope(found[0].moment) | {
        "asset": found[0].asset,
        "chains": [rows.chain(one) for one in found],
    }


def instruments(mirror: BaseMirror, asset: str | None) -> Body:
    listed = mirror.instruments(asset)
    return rows.envelope(mirror.feed()) | {"instruments": list(map(rows.instrument, listed))}


def smile(found: Chain) -> Body:
    return (
        rows.envelope(found.moment)
        | rows.series(found)
        | {"points": list(map(rows.point, found.smile()))}
    )


def surface(
    mirror: BaseMirror,
    asset: str,
    settle: str | None,
    deltas: Sequence[Delta] = DELTAS,
    is_live: bool = False,
) -> Body:
    found = mirror.chains(asset, settle, require_live=is_live)
    return rows.envelope(found[0].moment) | {
        "asset": found[0].asset,
        "deltas": deltas,
        "expiries": [_across(one, deltas) for one in found],
    }


def scan(found: Scan, streamed: bool = False) -> Body:
    """What was found, what the gate kept out, and of how many."""
    told = rows.streamed if streamed else rows.option
    return {
        "considered": found.considered,
        "excluded": found.excluded,
        "options": [told(one) for one in found],
    }


def feed(source: Source) -> Body:
    look = source.look()
    return (
        rows.feed(source.mirror.feed())
        | look.values
        | {
            "messages_s": source.messages_s,
            "redis_ms": None if source.redis_s is None else source.redis_s * 1000,
        }
    )


def _across(found: Chain, deltas: Sequence[Delta]) -> Mapping[str, Any]:
    told = rows.series(found)
    names = ("expiry_ms", "label", "settle", "dte", "forward", "atm_iv", "live", "total")
    kept = {name: told[name] for name in names}
    return kept | {"ivs": [_iv(found, delta) for delta in deltas]}


def _iv(found: Chain, delta: Delta) -> float | None:
    return found.atm_iv if delta == "atm" else found.iv_at_delta(delta)


def read_deltas(text: str | None) -> Sequence[Delta]:
    """`-0.1,atm,0.25`. Raises BadInput."""
    if text is None:
        return DELTAS
    found: list[Delta] = []
    words = text.split(",")
    if len(words) > DELTAS_MAX:
        raise BadInput(f"deltas: {DELTAS_MAX} at most")
    for word in words:
        try:
            delta = word.strip().lower()
            found.append("atm" if delta == "atm" else _checked(float(delta)))
        except ValueError:
            raise BadInput(f"deltas: write them as -0.1,-0.25,atm,0.25,0.1: not {word!r}") from None
    return found


def _checked(delta: float) -> float:
    if not 0 < abs(delta) < 1:
        raise ValueError
    return delta
