"""Bench of the reader: `python -m bench.reader`; part of `python -m bench`, too.

A collector fills 2,000 options from the replay and keeps the feed alive at a trickle. Each call
under test runs in a process of its own; the processes take turns, round after round.

contenders/     the calls under test: fastopts, the unparsed reply, redis-py, the baseline
plan.py         groups of calls to compare, and how long each is measured
turns.py        the store, the contenders' processes and their turns
figures.py      percentiles, medians and ratios of turns
results.py      the comparison of calls
startup.py      import time, memory and modules of a new process
mirror.py       memory and CPU of a mirror of all symbols
goals.py        goals of the reader and the measured values
table.py        text tables
report.py       the reader's parts of a report, in order

Every round is measured with the server in two places. *Apart*: on another core than the reader, as
in production; each call then pays for waking that core up, and the goals apply to it. *One core*:
both on the reader's core, which shows the cost of the reader's own code undiluted.
"""
