"""The calls under test, each in a process: `python -m bench.reader.contenders.MODULE CALL`.

The first line on stdin is the workload, as JSON. Each further one, "SECONDS CALLS", requests a
turn, and is answered by a JSON line: see `common.serve`.

common.py           the workload, the loop that times calls
fastopts_reader.py  OptionReader, as its users call it
mirror.py           a mirror of all symbols: read from, and held
floor.py            PING, and the replies left unparsed
pyredis.py          redis-py with hiredis, used well
baseline.py         the executor of options-simple-ws-bybit
"""
