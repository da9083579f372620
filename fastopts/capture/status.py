"""State and counters of a recording: for `stats`, metrics and the status line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from fastopts.contract import StatsField

__all__ = ("OFF", "RecordingStatus", "State")

State = Literal["recording", "slow", "stopped"]
OFF: Final = "off"  # in `stats`, of a collector that does not record


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """A recording at one moment: ``received == recorded + not_recorded + unwritten``, in frames.

    *slow*: the disk is more than a second behind; *stopped*: nothing is recorded, for *reason*.
    """

    state: State
    reason: str
    received: int
    recorded: int
    not_recorded: int
    unwritten: int
    bytes_written: int
    files_closed: int
    behind_s: float

    def fields(self) -> Mapping[str, str]:
        """Return the fields of `stats`."""
        return {
            StatsField.RECORDING: self.state,
            StatsField.RECORDING_REASON: self.reason,
            StatsField.FRAMES_RECEIVED: str(self.received),
            StatsField.FRAMES_RECORDED: str(self.recorded),
            StatsField.FRAMES_NOT_RECORDED: str(self.not_recorded),
            StatsField.FRAMES_UNWRITTEN: str(self.unwritten),
            StatsField.RECORDED_BYTES: str(self.bytes_written),
        }
