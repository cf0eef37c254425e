"""`katib operator`."""

from typing import Annotated

import typer

from katib.cli.options import Db
from katib.config import ServeSettings

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
    from katib.stores.opening import open_store
    from katib.suggestion import open_suggestions
    from katib.suggestion.early_stopping import open_early_stopping

    cluster = connect(context, settings=KubernetesSettings(follow_logs=follow_logs))
    collector = None
    if collector_image:
        native = cluster.version() >= NATIVE_SINCE
        collector = Collector(image=collector_image, address=report_to, native=native)
    location = store_location(db, creating=True)
    settings = settings_of()
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
        where = f"namespace {namespace}" if namespace else "all namespaces"
        said = f"watching the Experiments of {where}; trials report to {reports.address}; Ctrl-C stops"
        serve([reports, watching], lambda: say(said))
    finally:
        suggestions.close()
        stopping.close()
        store.close()
