"""`katib operator`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from katib.cli.options import Db
from katib.config import ServeSettings, Settings

if TYPE_CHECKING:
    from katib.spec.katib_config import KatibConfig

DEFAULTS = ServeSettings()


def operator(
    db: Db = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Watch the Experiments of this namespace only.", show_default="all")
    ] = "",
    context: Annotated[
        str, typer.Option("--context", help="The kubeconfig's context; in a pod, its own cluster.", show_default=False)
    ] = "",
    host: Annotated[
        str, typer.Option("--host", help="Where trials report to. 0.0.0.0: from anywhere, in plaintext.")
    ] = DEFAULTS.host,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port of Katib's DBManager; 0 takes a free one.")
    ] = DEFAULTS.port,
    collector_image: Annotated[
        str,
        typer.Option(
            "--collector-image",
            help="Put a metrics collector of this image beside each trial; without one, what trials print is followed.",
            show_default=False,
        ),
    ] = "",
    report_to: Annotated[
        str, typer.Option("--report-to", help="Where trials' pods reach the DBManager, HOST:PORT.")
    ] = "katib-db-manager.kubeflow:6789",
    katib_config: Annotated[
        Path | None,
        typer.Option(
            "--katib-config",
            help="A file with Katib's KatibConfig: servers of algorithms, images of metrics collectors.",
            show_default=False,
        ),
    ] = None,
    follow_logs: Annotated[
        bool, typer.Option(help="Copy what trials print, for `katib logs`; a connection for each that runs.")
    ] = True,
) -> None:
    """Carry the Experiments of a cluster to their best trials, each trial a Job, and show them as Katib's objects.

    It runs as a pod (manifests/standalone) or anywhere that reaches the cluster. It may be killed at any time: the
    store has the truth, and trials run on.

    \b
    Examples:
      katib operator
      katib operator --namespace tuning --db /data/katib.db --host 0.0.0.0
    """  # noqa: D301 - the formatter of help wants the very character
    from katib.rpc import check_installed

    check_installed("`katib operator`")

    import time

    from katib.cli.options import run_root, settings_of, store_location
    from katib.cli.render import say
    from katib.cli.serving import serve
    from katib.operator.operator import Operator
    from katib.runners.kubernetes import connect
    from katib.runners.kubernetes.collector import NATIVE_SINCE, Collector
    from katib.runners.kubernetes.settings import KubernetesSettings
    from katib.server.loglines import log_lines
    from katib.server.reports import ReportServer
    from katib.spec.katib_config import KatibConfig, read_katib_config, unused
    from katib.stores.opening import open_store
    from katib.suggestion import open_suggestions
    from katib.suggestion.catalogue import REGISTRIES
    from katib.suggestion.early_stopping import open_early_stopping

    config = read_katib_config(katib_config) if katib_config is not None else KatibConfig()
    cluster = connect(context, settings=KubernetesSettings(follow_logs=follow_logs))
    collector = None
    if collector_image or config.collectors:
        native = cluster.version() >= NATIVE_SINCE
        collector = Collector(image=collector_image, address=report_to, native=native, foreign=config.collectors)
    location = store_location(db, creating=True)
    settings = _configured(settings_of(), config)
    suggestions, stopping = open_suggestions(settings.suggestion), open_early_stopping(settings.early_stopping)
    store = open_store(location)
    try:
        watching = Operator(
            store,
            suggestions,
            stopping,
            cluster,
            run_root=run_root(location),
            namespace=namespace,
            settings=settings,
            collector=collector,
        )
        reports = ReportServer(store, ServeSettings(host=host, port=port), now=time.time, heard=watching.heard)
        log_lines()
        for line in unused(config, {name for registry in REGISTRIES.values() for name in registry().names}):
            say(line)
        where = f"namespace {namespace}" if namespace else "all namespaces"
        said = f"watching the Experiments of {where}; trials report to {reports.address}; Ctrl-C stops"
        serve([reports, watching], lambda: say(said))
    finally:
        suggestions.close()
        stopping.close()
        store.close()


def _configured(settings: Settings, config: "KatibConfig") -> Settings:
    """The settings, and behind the endpoints in them those of Katib's configuration."""
    known = {**config.endpoints, **settings.suggestion.endpoints}
    stoppers = {**config.stopping_endpoints, **settings.early_stopping.endpoints}
    return replace(
        settings,
        suggestion=replace(settings.suggestion, endpoints=known),
        early_stopping=replace(settings.early_stopping, endpoints=stoppers),
    )
