"""The one place where studies are created, changed and read; every way in calls it."""
