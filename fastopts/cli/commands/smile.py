"""`fastopts smile`: plot implied volatility over strike or delta in the terminal."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final

from rich.text import Text

from fastopts import number_format
from fastopts.cli.options import (
    EXPIRY_FORMS,
    AssetArgument,
    JsonOption,
    SettleOption,
    StaleOption,
    StoreLocation,
    parse_expiry,
    reads_store,
)
from fastopts.cli.output import plot, printing, staleness
from fastopts.cli.output.plot import PlotCurve, PlotFrame
from fastopts.command_line import argument, option
from fastopts.field_registry import SERIES_FIELDS
from fastopts.reader import Chain, SmilePoint
from fastopts.reader.export import as_dict
from fastopts.reader.export.steps import steps_of_chain
from fastopts.reader.objects.expiry import FRONT

__all__ = ("smile",)

_STYLES: Final = ("bold cyan", "bold yellow", "bold magenta", "bold green", "bold red", "bold blue")
# Of another number than the styles, so that ten curves differ. A single one needs none.
_MARKS: Final = "●▲■◆×+○△□◇"
_BAND: Final = "dim"
_FORWARD: Final = "dim"
_WIDTH_MAX: Final = 200
_WIDTH: Final = 110
_HEIGHT: Final = 20
_HEIGHT_MAX: Final = 50
# Space above and below the mark volatilities, as a share of their range. The frame does not follow
# bid and ask: the ask IV of a far strike may be 500 %, and would flatten the smile.
_MARGIN: Final = 0.25
_LABELS: Final = 6
# labels by the delta of a call; a put with delta -0.25 is at 1 - 0.25
_DELTAS: Final = ((0.9, "10P"), (0.75, "25P"), (0.5, "50"), (0.25, "25C"), (0.1, "10C"))

Abscissa = Callable[[SmilePoint], float | None]


@reads_store
def smile(
    location: StoreLocation,
    asset: AssetArgument,
    expiry: Annotated[
        list[str] | None, argument("EXPIRY", parse=parse_expiry, help=EXPIRY_FORMS)
    ] = None,
    delta: Annotated[bool, option(help="plot over delta instead of strike")] = False,
    settle: SettleOption = None,
    stale: StaleOption = False,
    json: JsonOption = False,
) -> int:
    """Plot the mark IV of the out-of-the-money options of ASSET.

    With a single EXPIRY the plot also has the band from bid to ask IV, and over strike the
    forward as a dotted line. The exit code is 1 when there is nothing to plot.
    """
    with location.reader() as reader:
        chains = [
            reader.chain(asset, name, settle, require_live=not stale) for name in expiry or [FRONT]
        ]
    if json:
        for chain in chains:
            for point in chain.smile():
                printing.json_line(as_dict.with_ms(_values(chain, point)))
        staleness.report_chains(chains, is_note=True)
    else:
        lines = printing.show_venue(chains[0].moment.feed.venue)
        lines += staleness.report_chains(chains, is_note=False)
        _show(chains, _delta if delta else _strike, delta, lines)
    if not any(chain.smile() for chain in chains):
        printing.print_note("nothing to plot: no mark volatilities, or no forward")
        return 1
    return 0


def _show(chains: Sequence[Chain], abscissa: Abscissa, is_delta: bool, above: int) -> None:
    """Print the legend and the plot; *above* lines are on the screen already."""
    marks = [""] if len(chains) == 1 else [_cyclic(_MARKS, i) for i in range(len(chains))]
    lines = 0
    curves = []
    for index, (chain, mark) in enumerate(zip(chains, marks, strict=True)):
        style = _cyclic(_STYLES, index)
        lines += printing.show(_legend(chain, style, mark))
        curves.append(PlotCurve(_points(chain, abscissa), style, mark))
    points = [point for curve in curves for point in curve.points]
    if not points:
        return
    frame = _frame(points, is_delta, above + lines)
    background = list(_background(chains[0], abscissa, frame)) if len(chains) == 1 else []
    printing.show(plot.draw(frame, [*background, *curves]))


def _legend(chain: Chain, style: str, mark: str) -> Text:
    """The mark of a curve, its series, and figures of that."""
    until = printing.countdown(chain.series.expiry_ms, chain.moment.venue_ms)
    steps = steps_of_chain(chain)
    forward = number_format.formatted(chain.forward, SERIES_FIELDS["forward"].display, steps)
    atm_iv = number_format.formatted(chain.atm_iv, SERIES_FIELDS["atm_iv"].display)
    name = f"{mark or '━'} {chain.asset} {chain.series.label} {chain.settle}"
    parts: list[str | Text] = [Text(name, style), until, f"forward {forward}", f"ATM IV {atm_iv}"]
    return printing.facts(parts, printing.width(), indent=2)


def _frame(points: Sequence[tuple[float, float]], is_delta: bool, lines: int) -> PlotFrame:
    """The frame for *points*, on a screen with *lines* others."""
    strikes, ivs = zip(*points, strict=True)
    margin = _MARGIN * (max(ivs) - min(ivs)) or 0.01
    x = (-1.0, 0.0) if is_delta else (min(strikes), max(strikes))
    labels = [(-delta, name) for delta, name in _DELTAS] if is_delta else _strike_labels(*x)
    y = (max(min(ivs) - margin, 0.0), max(ivs) + margin)
    # the axis and the prompt are below it
    rows = printing.rows_left(lines + 2)
    is_terminal = rows is not None
    height = min(rows, _HEIGHT_MAX) if rows is not None else _HEIGHT
    width = min(printing.width(), _WIDTH_MAX) if is_terminal else _WIDTH
    return PlotFrame(width, height, x, y, labels)


def _strike_labels(low: float, high: float) -> list[tuple[float, str]]:
    strikes = [low + (high - low) * step / (_LABELS - 1) for step in range(_LABELS)]
    rounded = [float(f"{strike:.3g}") for strike in strikes]
    return [(strike, number_format.number(strike)) for strike in rounded if low <= strike <= high]


def _background(chain: Chain, abscissa: Abscissa, frame: PlotFrame) -> Iterator[PlotCurve]:
    """A line from bid to ask IV at each strike, and the forward as dots."""
    for point in chain.smile():
        x = abscissa(point)
        if x is not None and point.bid_iv and point.ask_iv:
            yield PlotCurve([(x, point.bid_iv), (x, point.ask_iv)], _BAND)
    if abscissa is _strike and chain.forward:
        low, high = frame.y
        for step in range(2 * frame.height):
            y = low + (high - low) * step / (2 * frame.height)
            yield PlotCurve([(chain.forward, y)], _FORWARD)


def _points(chain: Chain, abscissa: Abscissa) -> list[tuple[float, float]]:
    return sorted((x, point.iv) for point in chain.smile() if (x := abscissa(point)) is not None)


def _strike(point: SmilePoint) -> float | None:
    return point.strike


def _delta(point: SmilePoint) -> float | None:
    """Minus the delta of the call at that strike, so that low strikes (puts) are on the left."""
    delta = point.option.delta
    if delta is None:
        return None
    # delta of the call = 1 + delta of the put, without rates
    return -delta if point.option.type == "C" else -(1 + delta)


def _cyclic(values: Sequence[str], index: int) -> str:
    return values[index % len(values)]


def _values(chain: Chain, point: SmilePoint) -> dict[str, Any]:
    return {
        "venue": chain.moment.feed.venue,
        "asset": chain.asset,
        "expiry": chain.expiry,
        "settle": chain.settle,
        "forward": chain.forward,
        **as_dict.point_values(point),
    }
