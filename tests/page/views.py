"""The views of the dashboard: their addresses, and what shows that one is drawn."""

import re
from typing import Any, Final

from playwright.sync_api import Page, expect

from tests.page.backend import Backend

__all__ = ("EXPANDABLE", "VIEWS", "address", "expect_drawn", "front")

VIEWS: Final = (
    *("expiries", "chain", "smile", "term", "surface", "open-interest", "scan", "option"),
    "not-found",
)
_CHARTS: Final = ("smile", "term", "open-interest")
_DRAWN: Final = {
    "chain": "table.chain.fixed",
    "option": ".panel [data-field=live]",
    "not-found": ".links a",
} | dict.fromkeys(_CHARTS, ".chart.drawn canvas")
# The text of the control that shows more of a view.
EXPANDABLE: Final = {"scan": "More filters", "chain": "Columns"} | dict.fromkeys(
    _CHARTS, "Data table"
)


def front(backend: Backend) -> dict[str, Any]:
    """The series of BTC that expires first."""
    series: dict[str, Any] = backend.get("expiries/BTC", stale="true")["expiries"][0]
    return series


def address(backend: Backend, view: str) -> str:
    """The address of *view*, for a series and an option that are listed."""
    match view:
        case "scan":
            return "scan?asset=BTC"
        case "chain":
            return f"BTC/chain/{front(backend)['label']}"
        case "option":
            options = backend.get("scan", limit="1", stale="true")["options"]
            return f"option/{options[0]['symbol']}"
        case "not-found":
            return "BTC/scanner"
    return f"BTC/{view}"


def expect_drawn(page: Page, view: str) -> None:
    """Wait until *view* shows its data."""
    main = page.locator("main")
    expect(main).to_have_attribute("data-view", view)
    expect(main).not_to_have_class(re.compile("waiting"))
    expect(main.locator(_DRAWN.get(view, "table.fixed")).first).to_be_visible()
