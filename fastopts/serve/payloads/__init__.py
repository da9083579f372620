"""Payloads: response bodies and stream messages, and the OpenAPI schemas that describe them.

health      health of the market data: coverage, ages, readiness
market      the bodies of the API's routes
rows        options, series and feeds as flat dictionaries
schema      OpenAPI component schemas
"""
