"""The notice that `--stale` and `--raw` print beside stale values, with the reason."""

import sys
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from fastopts import number_format
from fastopts.cli.output import printing
from fastopts.reader import Chain, Option
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.objects.market import Market

__all__ = ("report", "report_chains", "report_market")


def report(
    moment: Moment, not_live: int, total: int, newest_age_s: float | None, is_note: bool
) -> int:
    """Print that *not_live* of the *total* values shown are not live, and why if the feed is down.

    The notice is part of the screen on a terminal. In a pipe, or with *is_note*, it goes to stderr:
    a program that reads the output must not take it for data. Returns the number of lines on
    standard output.
    """
    down = moment.down
    if down is None and not not_live:
        return 0
    parts = [f"NOT LIVE: {down.worded('command')}" if down is not None else "NOT LIVE"]
    if total:
        parts.append(f"{not_live:,} of {total:,} options are not live")
    if newest_age_s is not None:
        parts.append(f"the newest is {number_format.duration(newest_age_s)} old")
    line = "; ".join(parts)
    if is_note or not sys.stdout.isatty():
        printing.print_note(line)
        return 0
    return printing.show(Text(line, style="bold red"))


def report_chains(chains: Iterable[Chain], is_note: bool) -> int:
    """Print the notice on the options of *chains*, if any is not live; return its lines."""
    chains = list(chains)
    options: list[Option] = [option for chain in chains for option in chain.options]
    not_live = sum(not option.live for option in options)
    newest_age_s = min((option.age_s for option in options), default=None)
    return report(chains[0].moment, not_live, len(options), newest_age_s, is_note)


def report_market(market: Market, rows: NDArray[np.intp], is_note: bool) -> int:
    """Print the notice on some rows of *market*, if any is not live; return its lines."""
    live, ages_s = market.column("live")[rows], market.column("age_s")[rows]
    newest_age_s = float(ages_s.min()) if len(ages_s) else None
    return report(market.moment, int((~live).sum()), len(rows), newest_age_s, is_note)
