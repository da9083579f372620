"""How fast is the reader, and against what? `python -m bench.reader`; it is part of `bench` too.

A collector fills 2,000 options from the replay and keeps the feed alive at a trickle, and readers
take turns, each a process of its own, round after round.

contenders/     what is measured: our reader, the reply left unparsed, redis-py, the old executor
plan.py         which call is measured beside which others, how often and for how long
turns.py        the market, the contenders and their turns
figures.py      what the turns say: percentiles, medians, ratios
results.py      what was measured, row beside row
startup.py      what a process pays before its first read, and what it loads
mirror.py       what a mirror of everything costs to hold
goals.py        the goals beside the figures
table.py        text tables
report.py       the parts of a report, in order

Every round is measured twice. *Apart*: the server has another core than the reader, as it has where
it works for others too; each call then pays for waking that core up, and the goals are meant for
it. *One core*: both take turns on the reader's, where what our own code costs shows undiluted.
"""
