"""Finds unreadable texts on a page: overlapping ones, and ones that are cut off."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Page

__all__ = ("unreadable",)

_SCRIPT: Final = (Path(__file__).parent / "unreadable.js").read_text()


def unreadable(page: Page) -> list[str]:
    """Describe each text in the viewport that overlaps another or is cut off."""
    faults: list[str] = page.evaluate(_SCRIPT)
    return faults
