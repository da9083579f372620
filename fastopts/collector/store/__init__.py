"""Redis's side: the writer and its lease, flushes, heartbeat, listing, announcements."""
