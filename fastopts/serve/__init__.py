"""The market over HTTP: a read-only API, streams of changes, and a dashboard, over the reader.

app             the application: routes, streams, page, health, OpenAPI document
http            connections with limits, the guard, problems, forms of responses (package)
page            the dashboard: HTML, CSS and JavaScript
payloads        response bodies, stream messages and their schemas (package)
prometheus      metrics in Prometheus' text format
protocol        message types, reasons, statuses and close codes of the API
routes          the routes of the API
run             the server process: sockets, uvicorn, shutdown
settings        the server's settings and limits, validated before the start
source          the mirror of the market, the collector's counters, the health
stats           counters of the server
streams         WebSocket, server-sent events, and the broadcaster (package)
"""
