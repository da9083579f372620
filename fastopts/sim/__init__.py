"""A simulated options venue: a seeded market behind REST and WebSocket servers on loopback.

It speaks Bybit's protocol and spells every field itself: a simulator that used the package's codec
would test the parser against itself. Nothing in the wire format says that the data is simulated, so
consumers must run under the venue name `sim`.

    settings    what a simulated venue is configured with
    server      REST and WebSocket on one loopback port (`SimVenue`)
    session     protocol rules of one WebSocket client, without I/O
    rest        REST responses, without I/O
    dialect     the venue's JSON: the only module that names a field
    feed        which subscriber gets which ticker, and when
    faults      misbehaviour on demand
    clock       the venue's clock, which tests can move
    text        numbers as the venue writes them
    tls         self-signed certificate for loopback
    prices      the simulated market: coins, curves, options, trades, expiries

    async with SimVenue(SimSettings(seed=7, symbols=200, rate=2_000)) as venue:
        venue.rest_url, venue.ws_url
        venue.pause()
        venue.last_frame(venue.symbols[0])
        venue.faults.mute = True
"""

from fastopts.sim.clock import Clock
from fastopts.sim.faults import Faults
from fastopts.sim.server import SimVenue
from fastopts.sim.settings import SimSettings

__all__ = ("Clock", "Faults", "SimSettings", "SimVenue")
