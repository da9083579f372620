"""`fastopts verify`: what stands in Redis against what the venue says over REST.

A judge of the collector must not share its mistakes. So it spells the venue's names, the grammar of
symbols and the rules of freshness once more, and knows neither the core nor the reader.

symbols.py   a symbol's own text: asset, expiry, strike, type, settle coin
store.py     what stands in Redis: the feed, who is live, hashes, counters
venue.py     the venue's rows
fields.py    a hash beside a row: where the two differ
sample.py    which symbols are looked at
judge.py     equal, moved or wrong: the rules, without I/O
rounds.py    row after row until every symbol is judged, or time is up
greeks.py    the venue's greeks beside a Black-76 of our own
coverage.py  what is live of what is listed, by series
report.py    everything that was found, and whether it is good
screen.py    the same for people
command.py   the command: settings in, verdict out
"""
