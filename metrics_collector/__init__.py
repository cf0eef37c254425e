"""Collects what a trial reports: its output, files, TensorFlow event files, a Prometheus endpoint, and pushed reports.

A library: the local runner uses it in its own process. Nothing here raises because of what a trial wrote.
"""
