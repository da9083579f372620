"""Everything that was found, and whether it is good."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fastopts.cli.output.losses import LossEquation
from fastopts.cli.verify.coverage import Coverage
from fastopts.cli.verify.greeks import Greeks
from fastopts.cli.verify.judge import OUTCOMES, Case
from fastopts.cli.verify.store import StoredFeed

__all__ = ("VerifyReport",)


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `fastopts verify` found."""

    feed: StoredFeed
    seed: int
    candidates: int
    cases: Sequence[Case]
    losses: Sequence[LossEquation]
    greeks: Greeks
    coverage: Coverage
    coins: tuple[str, ...] = ()
    """Those that the venue was asked for."""

    @property
    def counts(self) -> Mapping[str, int]:
        found = Counter(case.outcome for case in self.cases)
        return {outcome: found[outcome] for outcome in OUTCOMES}

    @property
    def wrong(self) -> list[Case]:
        return [case for case in self.cases if case.outcome == "wrong"]

    @property
    def complaints(self) -> list[str]:
        """What is not good, a few words each; none: all is well."""
        return list(self._complaints())

    def _complaints(self) -> Iterator[str]:
        counts = self.counts
        if counts["wrong"]:
            yield f"{counts['wrong']:,} of {len(self.cases):,} symbols are not as the venue says"
        elif self.cases and not counts["equal"]:
            yield "no symbol could be compared"
        if not self.losses:
            yield "there are no counters to balance"
        if not all(one.is_balanced for one in self.losses):
            yield "the losses do not balance"
        if not self.greeks.is_good:
            yield f"{self.greeks.checked - self.greeks.agree:,} greeks are off"
        if not self.coverage.live:
            yield "nothing is live"
        elif not self.coverage.is_good:
            yield f"{self.coverage.listed - self.coverage.live:,} listed options are not live"
        for coin in self.coverage.untracked:
            yield f"none of the options on {coin} is in Redis"
        if self.coverage.unread:
            names = self.coverage.unread
            yield f"{len(names):,} listed names are not understood, such as {names[0]}"

    @property
    def values(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "venue": self.feed.venue,
            "simulated": self.feed.venue == "sim",
            "epoch": int(self.feed.epoch),
            "silent_conns": self.feed.silent,
            "ok": not self.complaints,
            "complaints": self.complaints,
            "seed": self.seed,
            "sample": len(self.cases),
            **self.counts,
            "outcomes": {case.symbol: case.outcome for case in self.cases},
            "evidence": {case.symbol: case.evidence for case in self.wrong},
            "loss": [one.values for one in self.losses],
            "greeks": asdict(self.greeks),
            "coverage": asdict(self.coverage),
            "coins": list(self.coins),
        }
