"""Progress of the collector's start, on the last line of a terminal."""

import logging
import sys
from typing import Final

__all__ = ("ProgressBars",)

log = logging.getLogger(__name__)
_CELLS: Final = 20


class ProgressBars:
    """One progress bar below the log; no-op when disabled or stderr is not a terminal.

    It is a log record that the handler rewrites in place: the handler's thread writes all lines, so
    the bar can't run into one. Rich's bars did, since rich does not see what the log writes.
    """

    def __init__(self, is_enabled: bool) -> None:
        self._is_shown = is_enabled and sys.stderr.isatty()

    def show(self, name: str, completed: int, total: int) -> None:
        """Show the bar *name*, in place of the one before."""
        if not self._is_shown:
            return
        share = min(completed / total, 1.0) if total else 1.0
        bar = ("#" * round(_CELLS * share)).ljust(_CELLS, ".")
        self._log(f"{name} {bar} {share:.0%}")

    def close(self) -> None:
        """Remove the bar. No-op if already closed."""
        if self._is_shown:
            self._is_shown = False
            self._log("")

    def _log(self, text: str) -> None:
        log.info("%s", text, extra={"is_progress": True})
