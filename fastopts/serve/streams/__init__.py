"""Streams: endpoints, topics, subscriptions, the broadcaster."""
