"""The programs under test. Each runs in its own process and logs a JSON line to stderr each second:

    {"status": {"received": messages so far, "written": updates that Redis has acknowledged, ...}}

which is the form of the collector's own status lines; the collector itself is `fastopts.track`.

common.py        arguments, universe and status lines of the others
floor.py         reads and discards: the cost of the machine
asyncio_loop.py  the collector without uvloop
rival.py         a collector from tuned libraries
baseline.py      a model of options-simple-ws-bybit
"""
