"""The generated documents are those of the code, and paths are read as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib.spec import paths
from katib.spec.experiment import Model
from katib.spec.reference import DOCS, experiment_reference, validation_rules
from katib.spec.schema import closest


@pytest.mark.parametrize(
    ("name", "text"),
    [("experiment-reference.md", experiment_reference()), ("validation-rules.md", validation_rules())],
)
def test_is_fresh(name, text):
    assert (DOCS / name).read_text() == text, "run `python -m katib.spec.reference`"


def test_every_field_is_described_and_in_the_reference():
    text = experiment_reference()
    fields = [field for model in Model.__subclasses__() for field in model.model_fields.values()]
    assert len(fields) > 80
    for field in fields:
        assert field.description, field.alias
        assert f"| `{field.alias}` |" in text


@given(
    st.lists(st.integers(0, 99) | st.text(st.characters(codec="utf-8")), min_size=1).filter(lambda parts: parts[0] != 0)
)
def test_a_path_reads_back(parts):
    assert paths.parse(paths.show(tuple(parts))) == tuple(parts)


@pytest.mark.parametrize("text", ["", "a..b", ".a", "a[", "a]", "a b", "a.[0", 'a["x]'])
def test_no_path(text):
    with pytest.raises(ValueError, match="path"):
        paths.parse(text)


@pytest.mark.parametrize(
    ("path", "around", "inside"), [("a.b", "a", True), ("a[0]", "a", True), ("ab", "a", False), ("a", "a", True)]
)
def test_within(path, around, inside):
    assert paths.within(path, around) is inside


@pytest.mark.parametrize(
    ("word", "found"),
    [("algoritm", "algorithm"), ("type", "parameterType"), ("ALGORITHM", "algorithm"), ("x", ""), ("zzzz", "")],
)
def test_the_closest_word(word, found):
    assert closest(word, ["algorithm", "parameterType", "objective"]) == (f"did you mean `{found}`?" if found else "")
