"""The side of Redis: one writer, its lease, and everything that it writes.

database.py         which Redis: configured, on the default port, or embedded
writer.py           connection and lease: connect, take the lease or wait for it, reconnect
write_loop.py       what is written over one connection: flushes, heartbeat, listing
flusher.py          dirty slots of the table to Redis, on a timer
server.py           checks of a server after connecting
lease.py            the right to write, with an epoch
heartbeat.py        the exchange that renews lease, feed and statistics
stored_hash.py      hashes that are written whole: obsolete fields are deleted
feed_status.py      content of the hash `fastopts:feed`
announcer.py        publication of changed records, while anybody subscribes
listing.py          sets of symbols and contract terms, kept complete
redis_commands.py   builders of the commands for the listing
statistics.py       content of the hash `stats`
outage_log.py       rate-limited log messages for ongoing conditions
"""
