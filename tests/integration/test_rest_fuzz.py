"""Whatever is sent, by the contract or against it: no answer is a 500, and every answer is as the contract says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from katib.server.http.app import create_app
from katib.service.desk import Desk
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions
from katib.testing.http import client_of

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
SPEC = {
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "random"},
    "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
}


def test_no_request_breaks_the_server(tmp_path: Path) -> None:
    store, suggestions = open_store(tmp_path / "katib.db"), open_suggestions()
    try:
        with client_of(create_app(Desk(store, suggestions))) as client:
            # Addresses lead to something: the study exists, and its trial 1.
            client.post("/api/v1/studies", json={"name": "digits", "spec": SPEC}).raise_for_status()
            client.post("/api/v1/studies/digits/suggest", json={"client": "a"}).raise_for_status()
            contract = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")
            # A stream does not end.
            contract = contract.include(path_regex="^/(api|healthz|readyz)").exclude(path_regex="/watch$")
            operations = [each.ok() for each in contract.get_all_operations()]
            assert len(operations) > 20
            for operation in operations:
                try_out(operation, CHECKS)
            # Advisor has no contract but its client: whatever is sent to it, the fault is never the server's.
            advisors = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json").include(
                path_regex="^/suggestion"
            )
            operations = [each.ok() for each in advisors.get_all_operations()]
            assert len(operations) == 18
            for operation in operations:
                try_out(operation, CHECKS[:1])
    finally:
        suggestions.close()
        store.close()


def try_out(operation: APIOperation, checks: Sequence[Any]) -> None:
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

    @given(case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]))
    @settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def try_one(case: Case) -> None:
        if "study" in case.path_parameters:
            case.path_parameters["study"] = "none" if case.method == "DELETE" else "digits"
        if "trial" in case.path_parameters and case.method != "DELETE":
            case.path_parameters["trial"] = 1
        if "ordinal" in case.path_parameters and case.method == "POST":
            case.path_parameters["ordinal"] = 1
        case.call_and_validate(checks=checks)

    try_one()
