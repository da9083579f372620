"""Write stalls: close connections whose peer stops reading."""

import asyncio
import logging

from fastopts.serve.http.admission import Admission
from fastopts.serve.stats import DropReason

__all__ = ("StallGuard",)

log = logging.getLogger(__name__)


class StallGuard(asyncio.Protocol):
    """Mixin in front of a uvicorn protocol: abort after `limits.stall_s` of paused writing.

    A paused transport has a full write buffer: the peer has acknowledged nothing since. uvicorn
    waits for such a peer forever, and each one holds the buffer and a task.
    """

    admission: Admission
    transport: asyncio.Transport
    _stall_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Start the timer: the transport's buffer is full."""
        super().pause_writing()
        if self._stall_timer is None:
            loop = asyncio.get_running_loop()
            self._stall_timer = loop.call_later(self.admission.limits.stall_s, self._on_stall)

    def resume_writing(self) -> None:
        """Stop the timer: the peer reads again."""
        super().resume_writing()
        self.cancel_stall_timer()

    def cancel_stall_timer(self) -> None:
        """Stop the timer; call it when the connection ends or another protocol takes it."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _on_stall(self) -> None:
        self.admission.stats.count_drop(DropReason.WRITE_STALL)
        limit_s = self.admission.limits.stall_s
        log.info("closed a connection: its client read nothing for %g s", limit_s)
        self.transport.abort()
