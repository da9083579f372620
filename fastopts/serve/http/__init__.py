"""HTTP: connections with limits, the guard in front of all routes, and the forms of responses.

admission       connection limits in total and per address, responses to refused connections
assets          the dashboard's files in memory, with gzip and ETag
clients         the address of a client, also behind trusted proxies
connection      HTTP/1.1 connections: deadlines, header sizes, pipelining
guard           tokens, Host, Origin, methods, request rates, security headers
negotiation     quality values of Accept and Accept-Encoding
parameters      types and descriptions of request parameters
prefix          serving under a path such as /fastopts
problems        errors as problem details (RFC 9457)
rate_limit      token buckets
response        JSON and CSV, ETag and 304
stall_guard     closing connections whose peer stops reading
tokens          access tokens: the file, and the Authorization header
websocket       WebSocket connections: control frames, fragments
"""
