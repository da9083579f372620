"""Numbers as the terminal writes them, to compare with those of the page."""

from typing import Any, Final

from fastopts.field_registry import FIELDS, SERIES_FIELDS, Display
from fastopts.number_format import NO_STEPS, Steps, formatted, places

__all__ = ("common_steps", "field_text", "series_text", "text")

# The page has a typographic minus sign, and an en dash for an unknown value.
_MINUS: Final = "\N{MINUS SIGN}"
_ABSENT: Final = "\N{EN DASH}"


def text(
    value: float | None, display: Display, steps: Steps = NO_STEPS, is_detail: bool = False
) -> str:
    """*value* as the terminal writes it, with the page's signs."""
    if value is None:
        return _ABSENT
    return formatted(value, display, steps, "detail" if is_detail else "table").replace("-", _MINUS)


def field_text(
    option: dict[str, Any], name: str, steps: Steps | None = None, is_detail: bool = False
) -> str:
    """The field *name* of an option of the API; without *steps* by its own."""
    own = steps or common_steps([option])
    return text(option[name], FIELDS[name].display, own, is_detail)


def series_text(series: dict[str, Any], name: str) -> str:
    """The figure *name* of a series of the API."""
    steps = Steps(series["tick_size"], series["lot_size"], None, series["forward"])
    return text(series[name], SERIES_FIELDS[name].display, steps)


def common_steps(options: list[dict[str, Any]]) -> Steps:
    """The finest steps of *options* of the API, which are those of one series."""
    return Steps(
        tick=min((each["tick_size"] for each in options), key=float),
        lot=min((each["lot_size"] for each in options), key=float),
        strike_places=max(places(each["symbol"].split("-")[2]) for each in options),
        forward=next(each["forward"] for each in options if each["forward"]),
    )
