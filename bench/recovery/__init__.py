"""Bench of recovery times, over real processes: `python -m bench.recovery`.

dropped.py     one or all connections to the venue are cut
emptied.py     Redis is killed and restarted empty
store_view.py  the state of Redis during a trial, and the comparison with the messages sent
figures.py     quantiles of many trials
"""
