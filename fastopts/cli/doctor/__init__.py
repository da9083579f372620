"""`fastopts doctor`: checks one after the other, each with its remedy.

check.py     what a check is and what it finds; runs them, skips what an earlier failure rules out
build.py     Python, the compiled core, uvloop
store.py     Redis: reachable, fit to hold quotes; the feed in it; its clock and ours
network.py   the names and certificates of hosts
venue.py     the venue: the network to it, an answer of REST, its clock and ours
tick.py      the venue's WebSocket: a first tick
clock.py     what a clock that differs from ours means
command.py   the command: settings in, findings out
"""
