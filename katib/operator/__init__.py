"""The Kubernetes front: Experiments come in as objects, and what becomes of them goes out as objects."""
