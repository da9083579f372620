"""Reads from a Redis server, without I/O: requests out, replies in.

source.py      RedisSource: records, feed, terms and listing in as few round trips as possible
failover.py    when to give up a connection whose feed is down; whether the server is a replica
raw_fields.py  the hash of an option as the venue's decimal strings
"""
