"""The names of everything in Redis: the only place where a key is spelled."""

OPTION = "option:"
RECORD = "optrec:"
INSTRUMENT = "instrument:"
ASSET = "options:"
STATS = "stats"
FEED = "fastopts:feed"
LEASE = "fastopts:lease"


def option(symbol: str) -> str:
    """Hash: the newest tick in the venue's own decimal text."""
    return OPTION + symbol


def record(symbol: str) -> str:
    """String: the same tick as one packed record (`model.RECORD`)."""
    return RECORD + symbol


def instrument(symbol: str) -> str:
    """Hash: the terms of the contract."""
    return INSTRUMENT + symbol


def asset(asset: str) -> str:
    """Set: the live symbols of an asset."""
    return ASSET + asset


def series(asset: str, settle: str, expiry: str) -> str:
    """Set: the live symbols of one series; *expiry* is YYMMDD."""
    return f"{ASSET}{asset}:{settle}:{expiry}"
