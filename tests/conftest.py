from hypothesis import HealthCheck, settings

# The machine's speed is no subject of these tests.
settings.register_profile(
    "fastopts", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("fastopts")
