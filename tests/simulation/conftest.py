import os

from hypothesis import HealthCheck, settings

# KATIB_HYPOTHESIS=deep runs every law 100,000 times; it takes hours and is for a job of its own.
settings.register_profile("normal", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", settings.get_profile("normal"), max_examples=100_000)
settings.load_profile(os.environ.get("KATIB_HYPOTHESIS", "normal"))
