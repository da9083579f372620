"""Resident memory with 2,000 symbols over TLS, at an ordinary pace."""

from pathlib import Path

from bench.session import Contender, Session

__all__ = ("SYMBOLS", "run")

SYMBOLS = 2_000
RATE = 2_600.0
SECONDS = 8


def run(contenders: tuple[Contender, ...], certificate: Path) -> dict[str, tuple[float, float]]:
    """Return MB at the end and at most, by contender."""
    found: dict[str, tuple[float, float]] = {}
    for contender in contenders:
        with Session(contender, SYMBOLS, certificate) as session:
            session.start(RATE)
            [window] = session.windows(0, 1, SECONDS)
        found[contender.name] = window.rss_mb, window.rss_mb_max
    return found
