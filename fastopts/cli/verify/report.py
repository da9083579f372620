"""The results of all comparisons, and which checks failed."""

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
    """All results of a run of `fastopts verify`."""

    feed: StoredFeed
    seed: int
    candidates: int
    cases: Sequence[Case]
    losses: Sequence[LossEquation]
    greeks: Greeks
    coverage: Coverage
    coins: tuple[str, ...] = ()
    """The coins that were requested from the venue."""

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of symbols by outcome."""
        counter = Counter(case.outcome for case in self.cases)
        return {outcome: counter[outcome] for outcome in OUTCOMES}

    @property
    def wrong(self) -> list[Case]:
        """The cases whose stored values are wrong."""
        return [case for case in self.cases if case.outcome == "wrong"]

    @property
    def complaints(self) -> list[str]:
        """The failed checks, a phrase each; empty when all checks passed."""
        return list(self._complaints())

    def _complaints(self) -> Iterator[str]:
        counts = self.counts
        if counts["wrong"]:
            yield f"{counts['wrong']:,} of {len(self.cases):,} symbols differ from the venue"
        elif self.cases and not counts["equal"]:
            yield "no symbol could be compared"
        if not self.losses:
            yield "there are no counters to balance"
        if not all(equation.is_balanced for equation in self.losses):
            yield "a loss equation does not balance"
        if not self.greeks.is_good:
            count = self.greeks.checked - self.greeks.agree
            yield f"the greeks of {count:,} options differ from the model"
        if not self.coverage.live:
            yield "no option is live"
        elif not self.coverage.is_good:
            yield f"{self.coverage.listed - self.coverage.live:,} listed options are not live"
        for coin in self.coverage.untracked:
            yield f"Redis has no options on {coin}"
        if self.coverage.unread:
            names = self.coverage.unread
            yield f"{len(names):,} listed symbols can't be parsed, for example {names[0]}"

    @property
    def values(self) -> dict[str, Any]:
        """The report for JSON."""
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
            "loss": [equation.values for equation in self.losses],
            "greeks": asdict(self.greeks),
            "coverage": asdict(self.coverage),
            "coins": list(self.coins),
        }
