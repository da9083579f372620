"""Policies without I/O: pure state machines; the time is an argument.

alarms.py               warnings for rate, coverage, lags and clock skew
backoff.py              retry delays with full jitter, and a budget for connection attempts
ban.py                  the pause after the venue answered HTTP 403
clocks.py               steps of this machine's clock; estimate of the Redis server's clock
density.py              whether ticks arrive densely enough to read sockets on a timer
lateness.py             how far a connection lags behind the venue
refusals.py             meaning and remedy of Redis error replies
resubscribe_policy.py   when a silent symbol moves to another connection
shards.py               distribution of symbols over connections
staleness_rule.py       values that the venue's REST answers contradict
universe_diff.py        changes of the universe, and protection against implausible answers
venue_clock.py          estimate of the venue's clock from the times in its answers
"""
