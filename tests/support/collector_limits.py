"""Limits for the collectors that tests build: those of the product, unless a test shortens them."""

from dataclasses import replace
from typing import Any

import pytest

from fastopts.collector.limits import CollectorLimits

__all__ = ("current", "quicken")

_limits = CollectorLimits()


def current() -> CollectorLimits:
    """The limits that a world passes to what it builds."""
    return _limits


def quicken(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Change limits for the rest of the test; calls add up."""
    monkeypatch.setattr(f"{__name__}._limits", replace(_limits, **changes))
