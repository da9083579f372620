"""What is measured, each call in its own process: `python -m bench.reader.contenders.MODULE CALL`.

The first line on stdin is the market, as JSON. Each further one, "SECONDS CALLS", is a turn, and is
answered by a JSON line: see `common.serve`.
"""
