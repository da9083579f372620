"""Language: the checks of the prose in this repository, and measurements of the code's language.

prose       the parts of a file that a person reads, with their line numbers
phrases     expressions that this project avoids, and what to write instead
lint        `python -m tests.language.lint`, part of `make lint`
measure     `python -m tests.language.measure`: names, comments, docstrings, sizes
pending.txt paths whose findings `make lint` does not report yet
"""
