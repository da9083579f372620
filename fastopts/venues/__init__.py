"""Venue adapters: protocols of exchanges, without I/O.

bybit   Bybit's option market: stream, REST, symbols, hosts
"""
