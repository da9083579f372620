"""Which options: scans, bounds, spelling of symbols, checks of arguments."""
