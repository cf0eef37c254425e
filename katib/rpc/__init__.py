"""gRPC below everything: messages, methods, channels, and what passes between Katib's API and the core's values.

The messages come from `proto/` by way of a descriptor set that is committed here (`make proto` writes it) and live in a
descriptor pool of their own: another package's `api.proto` in the same process does no harm.
"""
