"""One folder for each venue: all that only that venue knows."""
