"""How long until all is as it was? Over real processes; by itself: `python -m bench.recovery`.

dropped.py    connections to the venue are cut, one or all
emptied.py    Redis is killed and comes back empty
watched.py    what is looked at in Redis meanwhile, and the comparison at the end
figures.py    quantiles of many trials, beside the goals
"""
