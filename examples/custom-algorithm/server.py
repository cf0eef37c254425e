"""The same idea as a service: any program that speaks Katib's gRPC API can be the algorithm. Usage: server.py PORT"""

import itertools
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from katib.rpc import api
from katib.rpc.methods import GET_SUGGESTIONS, VALIDATE_ALGORITHM_SETTINGS, handlers


def corners(experiment):
    """Every combination of the first and the last value of each parameter, as texts."""
    names, ends = [], []
    for parameter in experiment.spec.parameter_specs.parameters:
        space = parameter.feasible_space
        names.append(parameter.name)
        ends.append((space.list[0], space.list[-1]) if space.list else (space.min, space.max))
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*ends)]


def get_suggestions(request, _context):
    known = [{a.name: a.value for a in t.spec.parameter_assignments.assignments} for t in request.trials]
    left = [corner for corner in corners(request.experiment) if corner not in known]
    reply = api.GetSuggestionsReply()
    for corner in left[: request.current_request_number]:
        suggestion = reply.parameter_assignments.add()
        for name, value in corner.items():
            suggestion.assignments.add(name=name, value=value)
    return reply


def validate(request, context):
    if request.experiment.spec.algorithm.algorithm_settings:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "corners takes no settings")
    return api.ValidateAlgorithmSettingsReply()


server = grpc.server(ThreadPoolExecutor(4))
server.add_generic_rpc_handlers(handlers({GET_SUGGESTIONS: get_suggestions, VALIDATE_ALGORITHM_SETTINGS: validate}))
port = server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
print(f"corners answers on 127.0.0.1:{port}", flush=True)
server.wait_for_termination()
