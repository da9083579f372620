"""Bybit's option market (API v5), without I/O.

fields.py        field names of tickers on stream and REST; time stamps
hosts.py         endpoints, and which venue's data each host serves
rest.py          REST requests and their answers, as generators
session.py       protocol of one WebSocket connection: subscriptions, pings, silence
symbols.py       grammar of option symbols
ticker_table.py  the core's table for tickers
"""
