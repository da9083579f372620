"""A simulated options venue: a seeded market behind REST and WebSocket servers on loopback.

It speaks Bybit's dialect and spells every field itself: a simulator that used our own codec would
prove our parser against itself. Nothing in the wire format tells that it is simulated; the venue
`sim` of whatever consumes it must.

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
