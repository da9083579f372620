"""Finds texts on a page that cannot be read: overlapping, cut off, or of poor contrast."""

import time
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

__all__ = ("lasting_faults", "poor_contrast", "unreadable")

_FOLDER: Final = Path(__file__).parent
_UNREADABLE: Final = (_FOLDER / "unreadable.js").read_text()
_POOR_CONTRAST: Final = (_FOLDER / "poor_contrast.js").read_text()
# A table measures its columns again 2 s after a text has become longer than all others.
_LASTING_S: Final = 10.0


def unreadable(page: Page) -> list[str]:
    """Describe each text in the viewport that overlaps another or is cut off."""
    faults: list[str] = page.evaluate(_UNREADABLE)
    return faults


def lasting_faults(page: Page) -> list[str]:
    """Describe each unreadable text that the page itself does not correct within seconds."""
    end = time.monotonic() + _LASTING_S
    while (faults := unreadable(page)) and time.monotonic() < end:
        time.sleep(0.1)
    return faults


def poor_contrast(page: Page) -> list[str]:
    """Describe each text whose contrast with its background is below 4.5."""
    faults: list[str] = page.evaluate(_POOR_CONTRAST)
    return faults
