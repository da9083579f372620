"""The suite under other dates and hours: `make dates`."""
