"""Asks early stopping algorithms."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from katib.config import EarlyStoppingSettings
    from katib.suggestion.early_stopping.contract import EarlyStopping


def open_early_stopping(settings: "EarlyStoppingSettings | None" = None) -> "EarlyStopping":
    """Who answers for early stopping on this machine. Close it in the end.

    Raises InvalidInput when the settings name an endpoint that is none, and KatibError when they name some and the
    packages to reach them are not installed.
    """
    from katib.suggestion.early_stopping.local import LocalEarlyStopping

    if settings is None or not settings.endpoints:
        return LocalEarlyStopping()
    from katib.rpc import check_installed
    from katib.suggestion.early_stopping.routed import RoutedEarlyStopping
    from katib.suggestion.endpoints import connected

    def connect(endpoint: str) -> "EarlyStopping":
        check_installed("early stopping at an endpoint")
        from katib.suggestion.early_stopping.grpc import GrpcEarlyStopping

        return GrpcEarlyStopping(endpoint, settings)

    elsewhere = connected(
        settings.endpoints, connect, option="--early-stopping-endpoint", what="an early stopping algorithm"
    )
    return RoutedEarlyStopping(LocalEarlyStopping(), elsewhere)
