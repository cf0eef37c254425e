"""The study API over HTTP."""
