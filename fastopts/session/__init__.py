"""Rules without I/O: when to try again, who listens to what, what to write when."""
