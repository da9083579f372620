"""`python -m fastopts.demo`: simulated venue, real collector, real Valkey, and a live view."""
