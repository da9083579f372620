"""Long runs over real processes; their results go to `reliability/`.

load.py   a load far above the venue's, compared with Redis at checkpoints
soak.py   a steady load with dropped connections and restarts of Redis; memory over time
"""
