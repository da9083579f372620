"""Resident memory with 2,000 symbols over TLS, at 2,600 messages/s."""

from pathlib import Path

from bench.session import Contender, Session

__all__ = ("SYMBOLS", "run")

SYMBOLS = 2_000
RATE = 2_600.0
SECONDS = 8  # growth over hours is measured by bench.endurance.soak


def run(contenders: tuple[Contender, ...], certificate: Path) -> dict[str, tuple[float, float]]:
    """Return resident MB at the end and the peak, by contender."""
    sizes_mb: dict[str, tuple[float, float]] = {}
    for contender in contenders:
        with Session(contender, SYMBOLS, certificate) as session:
            session.start(RATE)
            # No warm-up: the peak may be at the start, when REST answers are parsed.
            [window] = session.windows(0, 1, SECONDS)
        sizes_mb[contender.name] = window.rss_mb, window.rss_mb_max
    return sizes_mb
