"""The `fastopts` command.

__main__.py   finds the command that is meant, runs it, and tells its errors
commands.py   the commands, in the order of the help
options.py    options that several commands have; where those that read take their data from
output.py     tables, JSON, and numbers as people read them
fields.py     the vocabulary
doctor/       checks of this build, Redis, the feed and the venue

`track`, `fetch` and `refresh` are fastopts.track's, `sim` is fastopts.sim's.
"""
