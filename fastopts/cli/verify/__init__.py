"""`fastopts verify`: compare Redis with the venue's REST API.

A check of the collector must not share its mistakes. So this package spells the venue's field
names, the grammar of symbols and the rules of freshness again, and imports neither the core nor the
reader.

symbols.py   parses a symbol: asset, expiry, strike, type, settle coin
store.py     reads Redis: the feed, freshness of options, hashes, counters
venue.py     requests the venue's rows and its coins
fields.py    compares a hash with a row
sample.py    chooses the symbols to compare
judge.py     decides equal, moved or wrong, without I/O
rounds.py    repeats the comparison until every symbol is decided, or time is up
greeks.py    compares the venue's greeks with Black-76
coverage.py  counts listed, stored and live options by series
report.py    all results, and which checks failed
screen.py    prints a report
command.py   the command: parses options, compares, prints
"""
