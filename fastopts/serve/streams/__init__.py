"""Streams: changes of the market over WebSocket and server-sent events.

broadcaster     topics with subscribers, renewed on a clock
changes         what changed in the mirror between two beats
endpoints       the WebSocket and the event stream, and their limits
subscriber      one stream: its subscriptions, its messages in order
subscriptions   subscription requests: their syntax and normal form
topics          row and snapshot subscriptions: what changed since a subscriber's last message
"""
