"""Sockets, TLS and protocols that move bytes; this package makes no decision about their content.

dial              a connected TCP socket
proxy             HTTP proxies from the environment
tls               TLS contexts, and explanations of failed handshakes
manual_transport  an asyncio transport that is read on demand
websocket         one WebSocket client connection, frames in place
http              HTTP GET with one deadline over a whole exchange
threads           blocking work in daemon threads
forks             forked children of a collector
redis             connections to Redis
"""
