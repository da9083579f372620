"""The collector: wire, rules and core introduced to each other, and the tasks that run them.

start.py     settings -> endpoints, a Redis (embedded if need be), the collector's life
market.py    REST: the universe, its cache and refreshes, rows for a warm start
rest.py      drives the venue's REST conversations
line.py      one WebSocket connection after the other for one shard of symbols
writer.py    one Redis connection after the other: lease, feed, flushes
report.py    the status line, warnings, the log's form
"""
