from katib.testing.strategies import load_profile

load_profile()
