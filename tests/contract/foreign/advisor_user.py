"""Drives advisor's own client, as its documents do, against the server in ADVISOR_ENDPOINT; prints what it got."""

import collections
import json

from advisor_client.client import AdvisorClient

CONFIGURATION = {
    "goal": "MAXIMIZE",
    "randomInitTrials": 2,
    "maxTrials": 5,
    "maxParallelTrials": 1,
    "params": [
        {
            "parameterName": "hidden1",
            "type": "INTEGER",
            "minValue": 40,
            "maxValue": 400,
            "feasiblePoints": "",
            "scalingType": "LINEAR",
        },
        {
            "parameterName": "rate",
            "type": "DOUBLE",
            "minValue": 0.01,
            "maxValue": 0.5,
            "feasiblePoints": "",
            "scalingType": "LINEAR",
        },
        {"parameterName": "batch", "type": "DISCRETE", "minValue": 0, "maxValue": 0, "feasiblePoints": "8, 16"},
        {
            "parameterName": "optimizer",
            "type": "CATEGORICAL",
            "minValue": 0,
            "maxValue": 0,
            "feasiblePoints": "sgd, adam",
        },
    ],
}
Point = collections.namedtuple("Point", ["step", "value"])


def main() -> None:
    client = AdvisorClient()
    study = client.create_study("Study", CONFIGURATION)
    same = client.get_or_create_study("Study", CONFIGURATION)
    other = client.get_or_create_study("other.study_2", CONFIGURATION, algorithm="TPE")
    trials = client.get_suggestions(study.name, 3)
    # Not before: of a study without trials, release 0.1.6 cannot say whether it is done.
    done = [client.is_study_done("Study")]
    parameters = [json.loads(trial.parameter_values) for trial in trials]
    first = client.complete_trial_with_one_metric(trials[0], 0.5)
    second = client.complete_trial_with_tensorboard_metrics(trials[1], [Point(1, 0.7), Point(2, 0.6)])
    metric = client.create_trial_metric(study.name, trials[2].id, None, 0.25)
    third = client.complete_trial_with_one_metric(trials[2], 0.25)
    best = client.get_best_trial("Study")
    done.append(client.is_study_done("Study"))
    changed = client.complete_trial_with_one_metric(trials[0], 0.9)
    told = {
        "ids": [study.id == same.id, study.id == other.id],
        "names": [each.name.decode() for each in client.list_studies()],
        "algorithms": [study.algorithm, other.algorithm],
        "configuration": json.loads(study.study_configuration) == CONFIGURATION,
        "parameters": parameters,
        "values": [first.objective_value, second.objective_value, third.objective_value],
        "statuses": [trials[0].status, first.status, second.status, third.status],
        "metric": [metric.training_step, metric.objective_value],
        "best": best.id == second.id,
        "done": done,
        "listed": [trial.objective_value for trial in client.list_trials("Study")],
        "one": client.get_trial("Study", trials[0].id).objective_value,
        "changed": [changed.objective_value, client.get_trial("Study", trials[0].id).objective_value],
        "none": [client.get_study_by_name("none"), client.get_trial("Study", 99), client.get_suggestions("none")],
    }
    print(json.dumps(told))


main()
