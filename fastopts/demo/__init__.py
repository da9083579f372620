"""`python -m fastopts.demo`: simulated venue, real collector, Valkey and server, a live view."""
