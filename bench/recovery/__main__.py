"""`python -m bench.recovery`: trials of each kind, their quantiles, the goals."""

import argparse
import sys

from bench import results
from bench.recovery import dropped, emptied
from bench.recovery.figures import Trials

WHAT = (
    "from a cut to every symbol delivered anew, and from the first PING of an emptied Redis to"
    " every key equal to what was sent last"
)
GOALS_MS = {"one_connection": 2000, "all_connections": 2000, "emptied_redis": 1000}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.recovery", description=__doc__)
    parser.add_argument("--trials", type=int, default=100, help="of each kind")
    parser.add_argument("--symbols", type=int, default=2_000, help="while connections are cut")
    parser.add_argument("--redis-symbols", type=int, default=5_000, help="while Redis is killed")
    parser.add_argument("--outage-s", type=float, default=0.5, help="how long Redis is gone")
    parser.add_argument("--keep", action="store_true", help="write the result to reliability/")
    given = parser.parse_args()
    found = {
        "one_connection": dropped.run(given.symbols, given.trials, is_all=False),
        "all_connections": dropped.run(given.symbols, given.trials, is_all=True),
        "emptied_redis": emptied.run(given.redis_symbols, given.trials, given.outage_s),
    }
    for name, trials in found.items():
        print(_line(name, trials))
    faults = [fault for trials in found.values() for fault in trials.faults]
    if given.keep:
        figures = {"symbols": given.symbols, "redis_symbols": given.redis_symbols}
        for name, trials in found.items():
            figures |= dict(trials.figures(name))
        figures["mismatches"] = len(faults)
        words = " ".join(["python -m bench.recovery", *sys.argv[1:]])
        results.write(results.FOLDER / "recovery.json", WHAT, words, None, figures)
    for fault in faults[:20]:
        print(fault, file=sys.stderr)
    sys.exit(bool(faults))


def _line(name: str, trials: Trials) -> str:
    p50, p99, most = (trials.quantile_ms(q) for q in (0.5, 0.99, 1.0))
    verdict = "met" if p99 <= GOALS_MS[name] else "MISSED"
    return (
        f"{name.replace('_', ' '):16} {len(trials.seconds):5} trials   p50 {p50:5} ms"
        f"   p99 {p99:5} ms   max {most:5} ms   goal: p99 {GOALS_MS[name]} ms, {verdict}"
        f"   {len(trials.faults)} mismatches"
    )


if __name__ == "__main__":
    main()
