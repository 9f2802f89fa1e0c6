"""What holds for all tests here."""

from hypothesis import settings

# A busy machine is no test's fault.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
