"""Progress bars during the start of a collector."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.progress

__all__ = ("ProgressBars",)


class ProgressBars:
    """Progress bars on stderr, one per name; no-op when disabled or stderr is not a terminal."""

    def __init__(self, is_enabled: bool) -> None:
        self._progress: rich.progress.Progress | None = None
        self._tasks: dict[str, rich.progress.TaskID] = {}
        if is_enabled and sys.stderr.isatty():
            # Imported only where it is used: a service has no terminal and need not load rich.
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(console=Console(stderr=True), transient=True)
            self._progress.start()

    def show(self, name: str, completed: int, total: int) -> None:
        """Set the bar *name*, which is added on first use."""
        if self._progress is None:
            return
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=completed, total=total)

    def close(self) -> None:
        """Remove the bars. No-op if already closed."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
