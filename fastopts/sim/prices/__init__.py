"""The simulated market: seeded, without I/O.

market      all coins and their options at one time
universe    which options are listed: series, strikes, symbols
expiries    the calendar of expiries
coins       the coins that can be simulated, and their contract terms
spot        index price of one coin: a random walk
curve       forward and smile of one series
option      mark price, greeks, quotes and trades of one option
tape        last price, 24 h statistics and open interest of one option
black76     prices, greeks and implied volatility
pace        schedule of ticks for a given rate
chance      seeded random streams
"""
