"""Settings of algorithms with a resource: what is refused, in which words, and that nothing else is."""

import pytest

from katib.suggestion.local import LocalSuggestions
from katib.testing.algorithms import categorical, discrete, double, integer, space, study_config, when

X = double("x", 0, 1)
EPOCHS = integer("epochs", 1, 9)
MISSING = "r_l and resource_name must be set."


def faults(algorithm, *parameters, **settings):
    of = study_config(algorithm, space(*(parameters or (X, EPOCHS))), settings=settings)
    return [(fault.path.rpartition(".")[2], fault.wanted) for fault in LocalSuggestions().validate(of)]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, [("r_l", MISSING)]),
        ({"r_l": "9"}, [("r_l", MISSING)]),
        ({"resource_name": "epochs"}, [("r_l", MISSING)]),
        ({"r_l": "-1", "resource_name": "epochs"}, [("r_l", "r_l must be a positive float number.")]),
        ({"r_l": "0", "resource_name": "epochs"}, [("r_l", "r_l must be a positive float number.")]),
        (
            {"r_l": "many", "resource_name": "epochs"},
            [("r_l", "failed to validate r_l(many): could not convert string to float: 'many'")],
        ),
        ({"r_l": "inf", "resource_name": "epochs"}, [("r_l", "failed to validate r_l(inf): inf is not finite")]),
        (
            {"r_l": "9", "resource_name": "epoch"},
            [("resource_name", "value of resource_name setting must be in parameters.")],
        ),
        ({"r_l": "9", "resource_name": "epochs", "eta": "1"}, [("eta", "eta must be a number >= 2")]),
        (
            {"r_l": "9", "resource_name": "nobody", "eta": "x", "gamma": "1"},
            [
                ("eta", "failed to validate eta(x): could not convert string to float: 'x'"),
                ("gamma", "unknown setting gamma for algorithm {}"),
                ("resource_name", "value of resource_name setting must be in parameters."),
            ],
        ),
    ],
)
def test_hyperbands_settings(settings, found):
    assert sorted(faults("hyperband", **settings)) == [(path, wanted.format("hyperband")) for path, wanted in found]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, [("resource_name", "resource_name must be set.")]),
        ({"resource_name": "epochs", "r_min": "0"}, [("r_min", "r_min must be a number > 0")]),
        ({"resource_name": "epochs", "r_max": "-2"}, [("r_max", "r_max must be a number > 0")]),
        (
            {"resource_name": "epochs", "reduction_factor": "1"},
            [("reduction_factor", "reduction_factor must be a number >= 2")],
        ),
        ({"resource_name": "epochs", "s": "-1"}, [("s", "s must be an integer >= 0")]),
        (
            {"resource_name": "epochs", "s": "3"},
            [("s", "r_min * eta^s must be at most 9, the most of the resource")],
        ),
        (
            {"resource_name": "epochs", "r_min": "5", "r_max": "4"},
            [("r_min", "r_min * eta^s must be at most 4, the most of the resource")],
        ),
        (
            {"resource_name": "epochs", "r_min": "0.5"},
            [("r_min", "r_min must be at least 1, the lowest value of epochs")],
        ),
    ],
)
def test_ashas_settings(settings, found):
    assert faults("asha", **settings) == found


@pytest.mark.parametrize("algorithm", ["hyperband", "asha"])
@pytest.mark.parametrize(
    ("parameters", "path", "wanted"),
    [
        (
            (X, categorical("epochs", "1", "9")),
            "resource_name",
            "the resource must be a parameter of type int, double or discrete; epochs is categorical",
        ),
        (
            (X, integer("epochs", -9, 0)),
            "resource_name",
            "the resource must be able to be more than 0; epochs is at most 0",
        ),
        (
            (X, double("y", 0, 1, when=when("epochs", 9)), EPOCHS),
            "parameters",
            "the resource is always active, and nothing depends on it; y must have no such condition",
        ),
        (
            (categorical("c", "a", "b"), integer("epochs", 1, 9, when=when("c", "a"))),
            "parameters",
            "the resource is always active, and nothing depends on it; epochs must have no such condition",
        ),
        ((EPOCHS,), "parameters", "there must be a parameter to search beside the resource epochs"),
    ],
)
def test_what_cannot_be_a_resource(algorithm, parameters, path, wanted):
    settings = {"resource_name": "epochs", **({"r_l": "9"} if algorithm == "hyperband" else {})}
    assert faults(algorithm, *parameters, **settings) == [(path, wanted)]


def test_a_grid_too_coarse_for_the_rungs():
    coarse = discrete("epochs", "1", "9", "81")
    said = "the rungs 1, 3, 9, 27, 81 must be different values of the resource"
    assert faults("hyperband", X, coarse, r_l="81", resource_name="epochs") == [("r_l", said)]
    assert faults("asha", X, coarse, resource_name="epochs") == [("r_min", said)]
    assert faults("hyperband", X, coarse, r_l="81", resource_name="epochs", eta="9") == []


def test_less_than_the_parameter_allows():
    said = "r_l must reach the lowest value of epochs, 3"
    assert faults("hyperband", X, integer("epochs", 3, 9), r_l="2", resource_name="epochs") == [("r_l", said)]


def test_katibs_own_example_is_valid():
    """Its resource is fixed at 1 and r_l is 2: random search, as it is there."""
    parameters = (
        double("lr", 0.01, 0.03),
        integer("num-layers", 2, 5),
        categorical("optimizer", "sgd", "adam", "ftrl"),
        integer("num-epochs", 1, 1),
    )
    assert faults("hyperband", *parameters, resource_name="num-epochs", eta="2", r_l="2") == []
