"""The collector: a venue's option tickers into Redis.

run.py       a collector's life: settings, start, tasks, orderly shutdown; `collect` and `fetch`
wiring.py    builds a collector from its settings
tasks.py     tasks and callbacks whose unexpected end is a bug
limits.py    intervals, deadlines and sizes that are no settings
cycle.py     when sockets are read and the table is flushed
venue/       the venue's side: connections, universe, REST
store/       the side of Redis: lease, flushes, heartbeat, listing, announcements
operation/   what operators see: status, warnings, metrics, periodic duties
"""
