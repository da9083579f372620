"""The universe and the periodic duties of the collector, as it writes them into `stats`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.text import Text

from fastopts import number_format
from fastopts.capture.status import OFF
from fastopts.contract import StatsField

__all__ = ("CollectorHealth",)


@dataclass(frozen=True, slots=True)
class CollectorHealth:
    """The part of `stats` that says whether the collector covers all options and runs all duties.

    Fields that an older collector did not write are empty or 0. *duties* has the seconds since the
    last success of each duty, None before the first one.
    """

    coins: tuple[str, ...]
    are_all_coins: bool
    skipped: Mapping[str, int]
    skipped_example: str
    missing: int
    absent_fields: tuple[str, ...]
    duties: Mapping[str, float | None]
    overdue: tuple[str, ...]
    recording: "RecordingHealth | None" = None

    @classmethod
    def of(cls, stats: Mapping[str, str]) -> "CollectorHealth":
        """Read the fields of `stats`."""
        now = _number(stats.get(StatsField.LAST_UPDATE))
        succeeded_at = {
            name.removeprefix(StatsField.DUTY): _number(text)
            for name, text in stats.items()
            if name.startswith(StatsField.DUTY)
        }
        return cls(
            coins=_names(stats.get(StatsField.COINS)),
            are_all_coins=stats.get(StatsField.COINS_WANTED) == "all",
            skipped={
                name.removeprefix(StatsField.SKIPPED_BY): int(text)
                for name, text in stats.items()
                if name.startswith(StatsField.SKIPPED_BY) and text.isdecimal() and int(text)
            },
            skipped_example=stats.get(StatsField.SKIPPED_EXAMPLE, ""),
            missing=int(_number(stats.get(StatsField.MISSING)) or 0),
            absent_fields=_names(stats.get(StatsField.ABSENT_FIELDS)),
            duties={
                name: None if at is None or now is None else max(0.0, now - at)
                for name, at in sorted(succeeded_at.items())
            },
            overdue=_names(stats.get(StatsField.OVERDUE)),
            recording=RecordingHealth.of(stats),
        )

    def rows(self) -> list[tuple[str, Text]]:
        """Return the rows of a table: a label and a text each."""
        rows = []
        if self.coins:
            origin = "all that the venue lists" if self.are_all_coins else "as configured"
            rows.append(("coins", Text(f"{', '.join(self.coins)} ({origin})")))
        if self.skipped:
            reasons = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in self.skipped.items())
            text = f"{sum(self.skipped.values()):,} listed options are not collected: {reasons}"
            rows.append(("skipped", Text(f"{text}; for example {self.skipped_example}", "yellow")))
        if self.missing:
            text = f"{self.missing:,} options are missing from REST, do not tick and are not live"
            rows.append(("missing", Text(text, "yellow")))
        if self.absent_fields:
            text = f"no option has {', '.join(self.absent_fields)}"
            rows.append(("fields", Text(text, "yellow")))
        if self.duties:
            rows.append(("duties", self._duties()))
        if self.recording is not None:
            rows.append(("recording", self.recording.text()))
        return rows

    def _duties(self) -> Text:
        text = Text()
        for name, age_s in self.duties.items():
            age = "not yet" if age_s is None else f"{number_format.duration(age_s)} ago"
            is_overdue = name in self.overdue
            text.append(", " if text else "")
            text.append(
                f"{name} {age}{' OVERDUE' if is_overdue else ''}",
                "bold red" if is_overdue else "",
            )
        return text

    def values(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {
            "coins": list(self.coins),
            "all_coins": self.are_all_coins,
            "skipped": dict(self.skipped),
            "skipped_example": self.skipped_example or None,
            "missing": self.missing,
            "absent_fields": list(self.absent_fields),
            "duties": dict(self.duties),
            "overdue": list(self.overdue),
            "recording": None if self.recording is None else asdict(self.recording),
        }


@dataclass(frozen=True, slots=True)
class RecordingHealth:
    """State and counters of a recording; *reason* says why it is not in order."""

    state: str
    reason: str
    frames_recorded: int
    frames_not_recorded: int
    bytes_written: int

    @classmethod
    def of(cls, stats: Mapping[str, str]) -> "RecordingHealth | None":
        """Read the fields of `stats`; None for a collector that does not record."""
        state = stats.get(StatsField.RECORDING, OFF)
        if state == OFF:
            return None
        return cls(
            state=state,
            reason=stats.get(StatsField.RECORDING_REASON, ""),
            frames_recorded=int(_number(stats.get(StatsField.FRAMES_RECORDED)) or 0),
            frames_not_recorded=int(_number(stats.get(StatsField.FRAMES_NOT_RECORDED)) or 0),
            bytes_written=int(_number(stats.get(StatsField.RECORDED_BYTES)) or 0),
        )

    def text(self) -> Text:
        """Return the row's text."""
        text = Text()
        if self.state != "recording":
            text.append(f"{self.state.upper()}: {self.reason}; ", "bold red")
        text.append(f"{self.frames_recorded:,} frames, {self.bytes_written / 1e6:,.1f} MB")
        if self.frames_not_recorded:
            text.append(f", {self.frames_not_recorded:,} NOT RECORDED", "bold red")
        return text


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (text or "").split(",")))


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
