"""When a value is live, and what a read requires of it."""
