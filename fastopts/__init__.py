"""Bybit's whole options market in Redis, a few per cent of a core, never a stale number."""

__version__ = "0.1.0"
