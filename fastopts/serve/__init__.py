"""The market over HTTP: a read-only API, streams of changes, and a dashboard; over the reader."""
