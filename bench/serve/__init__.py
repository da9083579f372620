"""Bench of the server and the cost of its clients: `python -m bench.serve`.

A collector fills 2,000 options from the replay; `fastopts serve` follows it in a process of its
own.

server_process.py  the server's process
request_times.py   requests on one connection, each sent after the response to the previous one
stream_clients.py  a process of stream clients: some read and discard everything, some never read
probe.py           a process that receives the collector's announcements and measures their age
streaming.py       the effect of stream clients on the server, on ticks and on other requests
plan.py            number of repetitions and their duration
report.py          the parts of a report, and the goals
page.py            the dashboard in a browser: frames per second, time to interactive, size
"""
