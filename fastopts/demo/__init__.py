"""`python -m fastopts.demo`: simulated venue, real collector, Valkey and server, with a live view.

__main__    the command: options, signals, the loop that draws
processes   starts and stops the venue, the collector, Valkey and the server
screen      draws a frame for the terminal, and as SVG
"""
