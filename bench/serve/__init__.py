"""How fast is the server, and what do its clients cost? `python -m bench.serve`.

A collector fills 2,000 options from the replay; `fastopts serve` follows it in a process of its
own.

serving.py    the server's process
asking.py     requests on one connection, each sent when the one before was answered
crowd.py      a process of stream clients: some read all they get and look at none of it, some
              never read
probe.py      a process that hears what the collector announces, and how old it is by then
streaming.py  what a crowd does to the server, and to the others
plan.py       how often, and for how long
report.py     the parts of a report, and the goals
page.py       the page in a browser: frames a second, time to be of use, weight
"""
