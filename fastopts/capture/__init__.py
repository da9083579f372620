"""Captures: what the collector received and sent, verbatim, in MCAP files.

The event loop copies messages into a buffer; a thread compresses, writes and syncs it. A disk that
is full, slow or gone ends or thins the recording, never the collection. Missing frames are counted.

    recorder   the event loop's side: channels, log times, chunks, new files, gaps
    worker     the thread's side: a bounded queue of chunks, the open file
    contents   the messages that are not frames: events, clock, instruments, the table's records
    status     state and counters of a recording, as `stats` has them
    summary    names, channels, and the summary at the end
    file       a capture while it is written
    folder     the files of a venue: names, the limits on their size and on free space
    inspect    what a file holds, whole or cut off
    recovery   files that a dead process left
    locks      marks open files as in use by a living process
    zstd       the binding of zstd
"""
