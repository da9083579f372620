"""Logging: text or JSON lines on stderr, written by a thread so that a full pipe blocks nothing."""

import json
import logging
import os
import queue
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from fastopts.errors import masked, one_line

__all__ = ("LINES_MAX", "BackgroundLogHandler", "set_up_logging")

# Bounds the memory that a stuck stderr can cost to a few hundred KB of status lines.
LINES_MAX: Final = 1000
CLOSE_TIMEOUT_S: Final = 1.0
_ERASE_LINE: Final = "\r\x1b[K"


@dataclass(frozen=True, slots=True)
class _Progress:
    """The text of a terminal's last line, which the next line or progress erases."""

    text: str


class BackgroundLogHandler(logging.Handler):
    """Writes log lines to the file descriptor *fd* from a thread.

    A write to a pipe whose reader has stopped blocks without limit. In the event loop's thread that
    would stop ticks, pings and the lease. Lines that cannot be queued or written are dropped; the
    next line that gets through is preceded by their number.

    A record with `is_progress` is the last line of a terminal: further lines appear above it, the
    next such record replaces it, and an empty one removes it.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.dropped = 0
        self._fd = fd
        self._lines: queue.Queue[str | _Progress | None] = queue.Queue(LINES_MAX)
        # A daemon: while it is blocked in write(), nothing can end it but the end of the process.
        self._thread = threading.Thread(target=self._write, name="fastopts-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the formatted record; drop it when the queue is full."""
        try:
            is_progress = getattr(record, "is_progress", False)
            line = _Progress(record.getMessage()) if is_progress else self.format(record)
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1
        except Exception:  # noqa: BLE001 - logging's convention for records that cannot be formatted
            self.handleError(record)

    def close(self) -> None:
        """Write the queued lines, waiting for at most CLOSE_TIMEOUT_S."""
        try:
            self._lines.put(None, timeout=CLOSE_TIMEOUT_S)
            self._thread.join(CLOSE_TIMEOUT_S)
        except queue.Full:
            pass  # stderr is stuck: the process must end all the same
        super().close()

    def _write(self) -> None:
        progress = ""
        while (line := self._lines.get()) is not None:
            erase = _ERASE_LINE if progress else ""
            dropped = 0
            if isinstance(line, _Progress):
                # a line that wraps could not be erased
                progress = line.text[: _columns(self._fd) - 1]
                text = f"{erase}{progress}"
            else:
                dropped, self.dropped = self.dropped, 0
                notice = f"({dropped} log lines were dropped)\n" if dropped else ""
                text = f"{erase}{notice}{line}\n{progress}"
            try:
                _write_all(self._fd, text.encode(errors="replace"))
            except OSError:
                self.dropped += dropped + 1


def set_up_logging(log_format: str) -> BackgroundLogHandler:
    """Log `fastopts.*` to stderr, in UTC, as `text` or `json` lines; return the handler.

    Close the handler at the end of the process: it writes the lines that are still queued.
    """
    formatter: logging.Formatter
    if log_format == "json":
        formatter = _JsonFormatter()
    else:
        formatter = _TextFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = BackgroundLogHandler(sys.stderr.fileno())
    handler.setFormatter(formatter)
    root = logging.getLogger("fastopts")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    root.propagate = False
    return handler


class _Formatter(logging.Formatter):
    """Masks secrets in tracebacks: an exception's text may contain a URL with a password."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return masked(super().formatException(ei))


class _TextFormatter(_Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        # One line per record: what a venue or a client sent must not forge further log lines.
        record.message = one_line(record.message)
        return super().formatMessage(record)


class _JsonFormatter(_Formatter):
    """Writes one JSON object per record, with the fields of a status under `status`."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": _as_utf8(masked(record.getMessage())),
        }
        status = getattr(record, "status", None)
        if status is not None:
            fields["status"] = status
        if record.exc_info:
            fields["exception"] = _as_utf8(self.formatException(record.exc_info))
        # ASCII, which every terminal and collector of logs can decode.
        return json.dumps(fields, default=str)


def _as_utf8(text: str) -> str:
    """Escape lone surrogates, which UTF-8 cannot encode: they must not cost the whole line."""
    return text.encode(errors="backslashreplace").decode()


def _columns(fd: int) -> int:
    try:
        return os.get_terminal_size(fd).columns or 80  # 0: a terminal that does not know its size
    except OSError:
        return 80


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
