"""What the collector says in `stats` of its universe and of its periodic duties."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from fastopts.cli.output import printing
from fastopts.contract import StatsField

__all__ = ("CollectorHealth",)


@dataclass(frozen=True, slots=True)
class CollectorHealth:
    """Read from the fields of `stats`; what an older collector did not write is empty or 0.

    *duties* has the seconds since each duty's last success, None where it never had one.
    """

    coins: tuple[str, ...]
    are_all_coins: bool
    skipped: Mapping[str, int]
    skipped_example: str
    missing: int
    absent_fields: tuple[str, ...]
    duties: Mapping[str, float | None]
    overdue: tuple[str, ...]

    @classmethod
    def of(cls, stats: Mapping[str, str]) -> "CollectorHealth":
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
        )

    def rows(self) -> list[tuple[str, Text]]:
        """Rows for people: a label and a text each."""
        rows = []
        if self.coins:
            which = "all that were found" if self.are_all_coins else "those that were named"
            rows.append(("coins", Text(f"{', '.join(self.coins)} ({which})")))
        if self.skipped:
            reasons = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in self.skipped.items())
            words = f"{sum(self.skipped.values()):,} listed options are not tracked: {reasons}"
            rows.append(("skipped", Text(f"{words}; such as {self.skipped_example}", "yellow")))
        if self.missing:
            words = f"{self.missing:,} options are missing from REST and do not tick: not live"
            rows.append(("missing", Text(words, "yellow")))
        if self.absent_fields:
            words = f"no option has {', '.join(self.absent_fields)}"
            rows.append(("fields", Text(words, "yellow")))
        if self.duties:
            rows.append(("duties", self._duties()))
        return rows

    def _duties(self) -> Text:
        words = Text()
        for name, age_s in self.duties.items():
            age = "not yet" if age_s is None else f"{printing.duration(age_s)} ago"
            is_late = name in self.overdue
            words.append(", " if words else "")
            words.append(
                f"{name} {age}{' OVERDUE' if is_late else ''}", "bold red" if is_late else ""
            )
        return words

    def values(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "coins": list(self.coins),
            "all_coins": self.are_all_coins,
            "skipped": dict(self.skipped),
            "skipped_example": self.skipped_example or None,
            "missing": self.missing,
            "absent_fields": list(self.absent_fields),
            "duties": dict(self.duties),
            "overdue": list(self.overdue),
        }


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (text or "").split(",")))


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
