"""Real processes under faults drawn at random: `python -m tests.chaos --rounds 20 --seed 1`."""
