"""Rules without I/O: when to try again, who listens to what, what an odd answer must not change."""
