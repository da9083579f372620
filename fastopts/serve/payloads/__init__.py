"""Payloads: response bodies, rows, the OpenAPI schema, health."""
