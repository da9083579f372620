"""How fast are collector, reader and server, and against what? `python -m bench` answers.

frames.py       a market of options, and its ticker frames ready to send
rest.py         the few REST answers that a client asks for before it listens
replay.py       the load source: REST and WebSocket, in its own process
contenders/     what is measured, each in its own process: the collector, the baseline, a tuned
                rival, the floor
session.py      one contender, one replay, one Valkey, brought together and ended in order
failures.py     errors of a measurement, and turns that are repeated
worker_process.py  a process that takes commands and answers in JSON lines
http.py         one kept-alive HTTP connection
measure.py      CPU and memory of processes; windows between two of a contender's status lines
verify_store.py        what Redis holds against the last frames sent; the loss equations
redis_cost.py   the server's CPU per update: ours against a whole HSET
plan.py         which contender meets which load, how often and for how long
goals.py        the goals beside the figures
table.py        text tables
report.py       prints them, or JSON
machine.py      where this was measured
reader/         the same for the reader; by itself: python -m bench.reader
serve/          the same for the server and its page; by itself: python -m bench.serve
recovery/       how long outages last beyond their end: python -m bench.recovery
simulator.py    what the simulated venue can hold; run by itself: python -m bench.simulator

Linux only: it reads /proc and other processes' CPU clocks.
"""
