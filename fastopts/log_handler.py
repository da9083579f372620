"""Log lines go out in a thread of their own: a log that is full or stuck holds up no tick."""

import logging
import os
import queue
import threading
from typing import Final

__all__ = ("Drain",)

LINES_MAX: Final = 1000
END_WITHIN_S: Final = 1.0


class Drain(logging.Handler):
    """Writes to the file descriptor *fd*. What can't be written is dropped and counted; the count
    is told with the next line that can."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.dropped = 0
        self._fd = fd
        self._lines: queue.Queue[str | None] = queue.Queue(LINES_MAX)
        self._thread = threading.Thread(target=self._write, name="fastopts-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self.dropped += 1
        except Exception:  # noqa: BLE001 - logging's own way with a record that can't be formatted
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, for a second at most."""
        try:
            self._lines.put(None, timeout=END_WITHIN_S)
            self._thread.join(END_WITHIN_S)
        except queue.Full:
            pass  # it is stuck: the process must end all the same
        super().close()

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            dropped, self.dropped = self.dropped, 0
            told = f"({dropped} lines of the log are lost)\n" if dropped else ""
            try:
                _write_all(self._fd, f"{told}{line}\n".encode(errors="replace"))
            except OSError:
                self.dropped += dropped + 1


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
