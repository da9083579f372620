"""What is measured. Each runs in its own process and logs, once a second, a JSON line to stderr:

    {"status": {"received": messages so far, "written": updates that Redis has acknowledged, ...}}

which is the form of the collector's own status lines.
"""
