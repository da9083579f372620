"""Freshness: when a value is live, and what a read requires of it.

feed.py          parses the hash fastopts:feed and decides which connections are live
moment.py        the feed at one instant of the server's clock; why a tick is not live
requirements.py  what a read requires (require_live, max_age_s, ...), and the error if it is not met
feed_state.py    FeedState, the public view of a moment's feed
"""
