"""Whole collectors under a virtual clock, between a venue and a Redis that fail by a seeded plan.

What runs is the product as it is: `Collector` with all that it starts. Only the world is simulated:

    clock       the event loop's time, and the wall clock, which may step (`clock`)
    network     ordered byte streams that are late, cut, reset or swallowed (`network`)
    venue       what it sends is logged as the truth, independent of the product (`venue`)
    Redis       a dictionary with the server's manners, and its failures (`redis`)

A seed decides everything: the plan of faults (`faults`), each delay, each cut. Promises are checked
all along and at the end (`promises`). `python -m tests.simulation --seed N` repeats a run exactly.
"""
