"""Benches of collector, reader and server, beside rivals: `python -m bench`.

frames.py          a synthetic options market, and its ticker frames ready to send
rest.py            the REST endpoints that a client needs before it subscribes
replay.py          the load source: REST and WebSocket, in its own process
contenders/        the programs under test: the collector, the baseline, a tuned rival, the floor
session.py         one contender, one replay, one Valkey: started together, stopped in order
failures.py        failures of a measurement, and turns that are repeated
worker_process.py  a process that reads commands and answers with JSON lines
http.py            a minimal HTTP client
measure.py         CPU and memory of processes; windows between two status lines of a contender
verify_store.py    comparison of Redis with the last frames sent; equations of the counters
redis_cost.py      the server's CPU per update: the collector's commands against a whole HSET
burst.py           the venue's maximum rate, and the state of Redis afterwards
latency.py         delay of ticks from the venue to a subscriber of Redis
memory.py          resident memory of the contenders
profile.py         CPU profile of the collector under a load
plan.py            loads and contenders, number and length of measurements
goals.py           goals of the collector and the measured values
table.py           text tables
report.py          the report: text while measuring, or JSON
results.py         results of long runs, in `reliability/`
machine.py         the environment of a measurement
reader/            the same for the reader; alone: python -m bench.reader
serve/             the same for the server and its page; alone: python -m bench.serve
recovery/          recovery times after outages: python -m bench.recovery
capture.py         the cost and the size of recording: python -m bench.capture
endurance/         long runs: python -m bench.endurance.load, python -m bench.endurance.soak
simulator.py       the simulator's maximum rate: python -m bench.simulator

Linux only: it reads /proc and the CPU clocks of other processes.
"""
