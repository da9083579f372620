"""Connections to Redis: which one to use depends on who waits for the reply.

address        the URL of a server, and the commands that begin a connection
resp           encoding of commands, reading of replies
info           the reply to INFO
pipeline       asyncio: one exchange at a time, for the collector
reconnecting   asyncio: connects again when needed, for readers
blocking       the same for threads
push_blocking  a conversation in which the server speaks, too: mirrors, in a thread
push_asyncio   the same in a task
"""
