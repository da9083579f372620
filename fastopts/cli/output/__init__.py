"""Output of the commands: tables, JSON, plots, notices.

printing.py          tables that fit the terminal, JSON lines, notes on stderr
cells.py             one value of an option as text
plot.py              curves drawn with braille characters
losses.py            the loss equations over the collector's counters
collector_health.py  the universe and the periodic duties, from `stats`
staleness.py         the notice beside stale values
"""
