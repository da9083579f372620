"""`fastopts demo`: simulated venue, real collector, Valkey and server, with a live view.

__main__    the command: options, signals, the loop that draws
view        shows frames: on the whole screen of a terminal, as plain lines elsewhere
processes   starts and stops the venue, the collector, Valkey and the server
screen      draws a frame for the terminal, as lines, and as SVG
"""
