"""The `fastopts` command.

__main__.py         finds the command to run, imports it, runs it
command_list.py     the commands, in the order of the help
options.py          options that several commands share; the Redis that a command reads
bounds.py           the bounds of a scan as options
setting_options.py  the collector's settings as options
completion/         completion of the words of a shell's line
commands/           one module for each command without a package of its own
output/             tables, JSON, plots, notices
doctor/             checks of the installation, Redis, the feed and the venue
top/                a live table on the whole screen
verify/             comparison of Redis with the venue's REST API

Parsing and help are in fastopts.command_line. `track`, `fetch` and `refresh` are functions of
fastopts.track, `demo` of fastopts.demo, `sim` of fastopts.sim.
"""
