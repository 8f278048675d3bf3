"""Settings every test shares."""

from __future__ import annotations

from hypothesis import settings

# examples depend on the test alone, so a failure comes back; first calls import things, so no deadline
settings.register_profile("project", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("project")
