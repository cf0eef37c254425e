"""What others may call: Katib's gRPC services, answered by the algorithms that are installed."""
