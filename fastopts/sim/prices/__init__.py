"""Prices: coins that walk, curves, options, trades and the calendar of expiries."""
