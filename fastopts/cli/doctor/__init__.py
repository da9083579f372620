"""`fastopts doctor`: a series of checks, each with a remedy when it fails.

check.py     a check and its finding; runs checks and skips those that depend on a failed one
build.py     Python, the compiled core, uvloop
store.py     Redis: reachable, suitable, its settings; the feed in it; its clock
rights.py    whether the Redis user may send all commands of readers and of a collector
network.py   names and certificates of hosts
venue.py     the venue: network, REST, clock
tick.py      the venue's WebSocket: a first ticker
clock.py     a finding on the difference between two clocks
command.py   the command: parses options, prints findings
"""
