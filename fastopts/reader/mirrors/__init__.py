"""Mirrors: local replicas kept current by announcements; watches over them.

mirror.py        BaseMirror, and Mirror: kept current by a thread
async_mirror.py  AsyncMirror: kept current by a task
reads.py         generated: the methods of a reader that a mirror has
replica.py       the rules of a replica, without I/O: feed, announcements, snapshots, problems
contents.py      the replica's records, terms and expired options
exchange.py      pipelined commands and the handlers of their replies
announcement.py  parses a message with changed records
resync.py        spacing of snapshots that do not help
listener.py      MirrorListener: called after each change of a replica
backlog.py       changes that a consumer has not taken, conflated per symbol; Gap
opening.py       Opening: a mirror or watch to await, or to enter with `async with`
watch.py         Watch: the stream of changes, for threads
async_watch.py   AsyncWatch: the same for asyncio
price_moves.py   Move: changes of a value by at least a fraction
"""
