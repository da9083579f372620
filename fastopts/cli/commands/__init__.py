"""One module for each command that has no package of its own.

status.py    the feed, its connections, coverage, message counters, Redis
summary.py   the market on one screen
expiries.py  the expiries of an asset, a row per series
chain.py     one expiry, strike by strike
smile.py     implied volatility over strike or delta, as a plot
get.py       all values of single options
scan.py      filter and sort the market
watch.py     changes as they arrive
export.py    the market, or a scan of it, as a file
history.py   what recorded files hold
serve.py     HTTP API, streams and dashboard
fields.py    the vocabulary of fields
"""
