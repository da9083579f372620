"""`fastopts smile`: volatility over strike or delta, drawn in the terminal."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from fastopts.cli import options
from fastopts.cli.options import EXPIRY_FORMS, Asset, Json, RedisUrl, Settle, Stale, Venue
from fastopts.cli.output import plot, printing, staleness
from fastopts.cli.output.plot import PlotCurve, PlotFrame
from fastopts.reader import Chain, SmilePoint
from fastopts.reader.export import as_dict
from fastopts.reader.objects.expiry import FRONT

__all__ = ("smile",)

_STYLES: Final = ("bold cyan", "bold yellow", "bold magenta", "bold green", "bold red", "bold blue")
_BAND: Final = "dim"
_FORWARD: Final = "dim"
_WIDTH_MAX: Final = 110
_HEIGHT: Final = 20
_MARGIN: Final = 0.25  # above and below the marks, of their range: a wing's ask IV may be 500 %
_LABELS: Final = 6
# where the delta of a call, or 1 plus that of a put, has a name
_DELTAS: Final = ((0.9, "10P"), (0.75, "25P"), (0.5, "50"), (0.25, "25C"), (0.1, "10C"))

Across = Callable[[SmilePoint], float | None]


def smile(
    asset: Asset,
    expiry: Annotated[
        list[str] | None,
        typer.Argument(metavar="EXPIRY", help=EXPIRY_FORMS),
    ] = None,
    delta: Annotated[bool, typer.Option("--delta", help="over delta, not strike")] = False,
    settle: Settle = None,
    stale: Stale = False,
    json: Json = False,
    redis_url: RedisUrl = None,
    venue: Venue = None,
) -> None:
    """Plot the mark volatility of the options of ASSET that are out of the money.

    A lone EXPIRY comes with the band between bid and ask, and its forward as a line.
    """
    with options.reader(redis_url, venue) as reader:
        chains = [
            reader.chain(asset, one, settle, require_live=not stale) for one in expiry or [FRONT]
        ]
    if json:
        for chain in chains:
            for point in chain.smile():
                printing.json_line(_values(chain, point))
    else:
        printing.show_venue(chains[0].moment.feed.venue)
    staleness.report_chains(chains, aside=json)
    if not json:
        _show(chains, _delta if delta else _strike, delta)
    if not any(chain.smile() for chain in chains):
        printing.aside("nothing of it is known: no mark volatilities, or no forward")
        raise typer.Exit(1)


def _show(chains: Sequence[Chain], across: Across, is_delta: bool) -> None:
    for place, chain in enumerate(chains):
        printing.show(_legend(chain, _style(place)))
    curves = [
        PlotCurve(_points(chain, across), _style(place)) for place, chain in enumerate(chains)
    ]
    marks = [point for curve in curves for point in curve.points]
    if not marks:
        return
    frame = _frame(marks, is_delta)
    behind = list(_behind(chains[0], across, frame)) if len(chains) == 1 else []
    printing.show(plot.draw(frame, [*behind, *curves]))


def _legend(chain: Chain, style: str) -> Text:
    until = printing.countdown(chain.series.expiry_ms, chain.moment.venue_ms)
    forward = printing.price(chain.forward, chain.forward)
    words = f", {until}, forward {forward}, ATM IV {printing.percent(chain.atm_iv)}"
    name = f"{chain.asset} {chain.series.label} {chain.settle}"
    return Text.assemble((f"━ {name}", style), words)


def _frame(marks: Sequence[tuple[float, float]], is_delta: bool) -> PlotFrame:
    strikes, ivs = zip(*marks, strict=True)
    margin = _MARGIN * (max(ivs) - min(ivs)) or 0.01
    across = (-1.0, 0.0) if is_delta else (min(strikes), max(strikes))
    labels = [(-at, name) for at, name in _DELTAS] if is_delta else _strike_labels(*across)
    height = (max(min(ivs) - margin, 0.0), max(ivs) + margin)
    return PlotFrame(min(printing.width(), _WIDTH_MAX), _HEIGHT, across, height, labels)


def _strike_labels(low: float, high: float) -> list[tuple[float, str]]:
    places = [low + (high - low) * step / (_LABELS - 1) for step in range(_LABELS)]
    rounded = [float(f"{place:.3g}") for place in places]
    return [(place, printing.number(place)) for place in rounded if low <= place <= high]


def _behind(chain: Chain, across: Across, frame: PlotFrame) -> Iterator[PlotCurve]:
    """Bid and ask of each strike, joined by a line, and the forward."""
    for point in chain.smile():
        at = across(point)
        if at is not None and point.bid_iv and point.ask_iv:
            yield PlotCurve([(at, point.bid_iv), (at, point.ask_iv)], _BAND)
    if across is _strike and chain.forward:
        low, high = frame.y
        for step in range(2 * frame.height):
            height = low + (high - low) * step / (2 * frame.height)
            yield PlotCurve([(chain.forward, height)], _FORWARD)


def _points(chain: Chain, across: Across) -> list[tuple[float, float]]:
    return sorted((at, one.iv) for one in chain.smile() if (at := across(one)) is not None)


def _strike(point: SmilePoint) -> float | None:
    return point.strike


def _delta(point: SmilePoint) -> float | None:
    """From puts on the left to calls on the right: minus the delta of the call of that strike."""
    delta = point.option.delta
    if delta is None:
        return None
    return -delta if point.option.type == "C" else -(1 + delta)


def _style(place: int) -> str:
    return _STYLES[place % len(_STYLES)]


def _values(chain: Chain, point: SmilePoint) -> dict[str, Any]:
    return {
        "venue": chain.moment.feed.venue,
        "asset": chain.asset,
        "expiry": chain.expiry,
        "settle": chain.settle,
        "forward": chain.forward,
        **as_dict.point_values(point),
    }
