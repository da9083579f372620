"""Payloads: response bodies and stream messages, and the OpenAPI schemas that describe them.

fields      the field registry as JSON
health      coverage, ages and readiness of the market data
index       the list of routes
market      the bodies of the API's routes
rows        options, series and feeds as flat dictionaries
schema      OpenAPI component schemas
"""
