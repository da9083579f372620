"""The collector: wire, rules and core introduced to each other, and the tasks that run them.

run.py        settings -> endpoints, a Redis, the collector's life from start to farewell
database.py   which Redis: named, found on the default port, or an embedded one
market.py     REST: the universe and its refreshes, rows for a warm start
rest.py       drives the venue's REST conversations
cache.py      the universe's file, for when REST fails
line.py       one WebSocket connection after the other for one shard of symbols
flusher.py    dirty slots to Redis, on a clock
writer.py     one Redis connection after the other, and what is said over it beside the flushes:
  server.py     may we use this server?
  lease.py      may we write?
  feed.py       what readers are told of us, by
  heartbeat.py  the exchange once a second
  updates.py    are changed records announced?
  listing.py    the sets of symbols and the terms of contracts
  upkeep.py     the commands for them and for the statistics
  trouble.py    why nothing can be written at the moment, that we stand by
watch.py      coverage, status and warnings, again and again
report.py     the status line, warnings, the log's form
drain.py      the log's lines to stderr, whatever becomes of it
lag.py        how late the event loop is
exposition.py     figures for Prometheus, served by
metrics_server.py where it asks, if anywhere
"""
