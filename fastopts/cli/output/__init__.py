"""Printing: tables, JSON, cells, curves, notices."""
