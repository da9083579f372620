"""What can't be read on a page: texts printed over each other, and texts that are cut off."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Page

__all__ = ("unreadable",)

_SCRIPT: Final = (Path(__file__).parent / "unreadable.js").read_text()


def unreadable(page: Page) -> list[str]:
    """The texts in the viewport that overlap or are cut off, a sentence each."""
    faults: list[str] = page.evaluate(_SCRIPT)
    return faults
