"""From text to a document that knows its lines, and `--set`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib.errors import InvalidInput
from katib.spec.loading import SIZE_LIMIT, apply_sets, load_file, load_text
from katib.spec.yamltext import Unquoted
from katib.testing.experiments import experiment_document

HEAD = "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\n"
SPACE = HEAD + "spec:\n  parameters:\n  - feasibleSpace: "


def fault_of(text):
    try:
        [fault] = load_text(text, source="file.yaml").faults
    except InvalidInput as error:
        assert error.what == "file.yaml"
        [fault] = error.faults
    return fault


def space_of(text):
    return load_text(SPACE + text, source="x")["spec"]["parameters"][0]["feasibleSpace"]


class TestTexts:
    @pytest.mark.parametrize(
        "written",
        ["1e-4", "0.10", "1E+05", "010", "0x1F", "1_000", "-.5", "+3", ".inf", ".nan", "yes", "No", "on", "y", "true"],
    )
    def test_an_unquoted_scalar_keeps_its_text_where_text_is_wanted(self, written):
        space = space_of(f"{{min: {written}, list: [a, {written}]}}")
        assert space == {"min": written, "list": ["a", written]}
        assert isinstance(space["min"], Unquoted)
        assert isinstance(space["list"][1], Unquoted)
        assert not isinstance(space["list"][0], Unquoted)

    @pytest.mark.parametrize("written", ["2020-01-01", "12:30:00", "1.2.3", "1e", "0b", "word", '"1"', "'yes'"])
    def test_what_the_api_server_reads_as_text_is_text(self, written):
        space = space_of(f"{{min: {written}}}")
        assert space == {"min": written.strip("'\"")}
        assert not isinstance(space["min"], Unquoted)

    def test_arguments_variables_labels_and_settings_keep_theirs(self):
        text = HEAD + (
            "metadata: {labels: {version: 1.10}}\n"
            "spec:\n"
            "  algorithm: {algorithmSettings: [{name: seed, value: 0010}]}\n"
            "  trialTemplate:\n"
            "    trialSpec:\n"
            "      spec:\n"
            "        completions: 1\n"
            "        template: {spec: {containers: [{args: [1e-4], env: [{name: A, value: 1.0}]}]}}\n"
        )
        loaded = load_text(text, source="x")
        container = loaded["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
        assert container == {"args": ["1e-4"], "env": [{"name": "A", "value": "1.0"}]}
        assert loaded["metadata"]["labels"] == {"version": "1.10"}
        assert loaded["spec"]["algorithm"]["algorithmSettings"][0]["value"] == "0010"
        assert loaded["spec"]["trialTemplate"]["trialSpec"]["spec"]["completions"] == 1

    @pytest.mark.parametrize(
        ("written", "value"),
        [("1e-1", 0.1), ("010", 8), ("0o10", 8), ("0x1F", 31), ("-3", -3), ("1_000", 1000), ("yes", True), ("~", None)],
    )
    def test_elsewhere_a_scalar_is_what_the_api_server_reads(self, written, value):
        goal = load_text(f"{HEAD}spec: {{objective: {{goal: {written}}}}}", source="x")["spec"]["objective"]["goal"]
        assert goal == value
        assert type(goal) is type(value)


class TestFaults:
    @pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "~"])
    def test_empty(self, text):
        assert "empty" in fault_of(text).given

    @pytest.mark.parametrize("text", ["[1, 2]", "word", "3"])
    def test_no_mapping(self, text):
        assert "mapping" in fault_of(text).wanted

    def test_a_duplicate_key_is_told_at_its_second_place(self):
        fault = fault_of(HEAD + "spec:\n  maxTrialCount: 1\n  maxTrialCount: 2\n")
        assert (fault.path, fault.line) == ("spec.maxTrialCount", 5)

    def test_a_tab(self):
        fault = fault_of(HEAD + "spec:\n\tmaxTrialCount: 1\n")
        assert "tabs" in fault.hint
        assert fault.line == 4

    def test_several_documents(self):
        fault = fault_of(HEAD + "---\n" + HEAD)
        assert (fault.given, fault.line) == ("2 documents", 4)

    def test_empty_documents_around_one_do_not_count(self):
        assert load_text(f"---\n{HEAD}---\n---\n", source="x")["kind"] == "Experiment"

    @pytest.mark.parametrize(
        ("text", "path"),
        [("kind: Job\napiVersion: kubeflow.org/v1beta1", "kind"), ("apiVersion: kubeflow.org/v1\n", "apiVersion")],
    )
    def test_another_kind(self, text, path):
        assert fault_of(text).path == path

    @pytest.mark.parametrize("text", ["a: b: c", "a: [1", "a: *nowhere", "a: 'x", "%", "a: \0", '{"a": 1'])
    def test_syntax(self, text):
        assert fault_of(text).wanted == "YAML or JSON that can be read"

    @pytest.mark.parametrize(
        ("text", "path"),
        [("a: &x [*x]", "a[0]"), ("a: !!python/object:os.system x", "a"), ("? [1]\n: 2", "document"), ("a: .inf", "a"),
         ("a: " + "9" * 500, "a"), ("a: 1e999", "a"), ("<<: 3", "document")],
    )  # fmt: skip
    def test_data_that_json_does_not_have(self, text, path):
        assert fault_of(text).path == path

    def test_too_long(self):
        assert "1 MiB" in fault_of("#" * (SIZE_LIMIT + 1)).wanted
        assert "1 MiB" in fault_of("#" + "é" * (SIZE_LIMIT // 2)).wanted
        assert "empty" in fault_of("#" * SIZE_LIMIT).given

    @pytest.mark.parametrize("opening", ["[", "{a: ", '{"a":', "- "])
    def test_nesting_beyond_reason_is_refused_and_not_a_crash(self, opening):
        assert "deep" in fault_of(opening * 100_000).wanted or "read" in fault_of(opening * 100_000).wanted

    def test_aliases_that_multiply(self):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
        assert "aliases" in fault_of("\n".join(lines)).wanted

    @given(st.text() | st.text(alphabet="{}[]:,-&*!|>'\"%@ \n\tab1<?#"))
    def test_any_text_is_read_or_refused(self, text):
        try:
            load_text(text, source="x")
        except InvalidInput as error:
            assert error.faults


class TestFiles:
    def test_lines_and_source(self, tmp_path):
        path = tmp_path / "a.yaml"
        path.write_text(HEAD + "spec:\n  parameters:\n    - name: lr\n      feasibleSpace:\n        min: 1\n")
        loaded = load_file(path)
        assert loaded.source == str(path)
        assert loaded.lines["spec.parameters[0]"] == 5
        assert loaded.lines["spec.parameters[0].feasibleSpace.min"] == 7
        assert loaded.document == loaded

    def test_bytes_that_are_no_text(self, tmp_path):
        path = tmp_path / "a.yaml"
        path.write_bytes(HEAD.encode() + b"metadata: {name: \xff}")
        with pytest.raises(InvalidInput, match="UTF-8"):
            load_file(path)

    def test_a_byte_order_mark_and_windows_line_ends(self, tmp_path):
        path = tmp_path / "a.yaml"
        path.write_bytes(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode())
        assert load_file(path)["kind"] == "Experiment"

    def test_no_file(self, tmp_path):
        with pytest.raises(InvalidInput, match="No such file"):
            load_file(tmp_path / "none.yaml")
        with pytest.raises(InvalidInput, match="directory"):
            load_file(tmp_path)

    def test_a_long_file_is_not_read_to_its_end(self, tmp_path):
        path = tmp_path / "a.yaml"
        with path.open("wb") as file:
            file.truncate(2**40)
        with pytest.raises(InvalidInput, match="1 MiB"):
            load_file(path)


class TestJson:
    def test_what_yaml_reads_otherwise(self):
        text = '{"apiVersion":\t"kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": "\\ud83d\\ude00"}}'
        assert load_text(text, source="x")["metadata"]["name"] == "😀"

    def test_numbers_keep_their_text(self):
        text = json.dumps(experiment_document()).replace('"1e-4"', "1.0e-4")
        assert load_text(text, source="x")["spec"]["parameters"][0]["feasibleSpace"]["min"] == "1.0e-4"

    def test_duplicate_keys_and_constants(self):
        assert fault_of('{"a": 1, "a": 2}').path == "a"
        assert fault_of('{"a": NaN}').path == "a"

    @given(st.recursive(st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec="utf-8")),
                        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner)))  # fmt: skip
    def test_reads_what_was_written(self, data):
        document = {"spec": {"trialTemplate": {"trialSpec": {"x": data}}}}
        assert load_text(json.dumps(document), source="x") == document
        assert load_text(json.dumps(document, ensure_ascii=False, indent="\t"), source="x") == document


class TestMerges:
    def test_own_keys_win_and_lines_are_the_own_ones(self):
        text = HEAD + (
            "spec:\n  parameters:\n  - &p\n    name: a\n    parameterType: int\n  - <<: *p\n    name: b\n"
            "  - <<: [{name: c}, *p]\n"
        )
        loaded = load_text(text, source="x")
        assert [each["name"] for each in loaded["spec"]["parameters"]] == ["a", "b", "c"]
        assert [each["parameterType"] for each in loaded["spec"]["parameters"]] == ["int"] * 3
        assert loaded.lines["spec.parameters[1].name"] == 9


class TestSets:
    def changed(self, *sets):
        return apply_sets(experiment_document(), sets)

    def test_values_by_path_position_and_name(self):
        spec = self.changed(
            "spec.parallelTrialCount=4",
            "spec.parameters[0].feasibleSpace.min=0.10",
            "spec.parameters[layers].feasibleSpace.max=9",
            "spec.objective.goal=1e-3",
            "spec.parameters[3].feasibleSpace.list=[a, yes, 1]",
            "spec.maxFailedTrialCount=",
        )["spec"]
        assert spec["parallelTrialCount"] == 4
        assert spec["parameters"][0]["feasibleSpace"]["min"] == "0.10"
        assert spec["parameters"][1]["feasibleSpace"]["max"] == "9"
        assert spec["objective"]["goal"] == 0.001
        assert spec["parameters"][3]["feasibleSpace"]["list"] == ["a", "yes", "1"]
        assert spec["maxFailedTrialCount"] is None

    def test_mappings_on_the_way_are_made(self):
        document = apply_sets({"spec": {"algorithm": None}}, ["spec.algorithm.algorithmName=tpe", "metadata.name=a"])
        assert document == {"spec": {"algorithm": {"algorithmName": "tpe"}}, "metadata": {"name": "a"}}

    def test_anything_goes_within_the_trial_spec(self):
        path = "spec.trialTemplate.trialSpec.spec.template.spec.containers[training]"
        document = self.changed(f"{path}.env=[{{name: A, value: 1}}]", f'{path}.resources.limits["nvidia.com/gpu"]=1')
        container = document["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
        assert container["env"] == [{"name": "A", "value": "1"}]
        assert container["resources"] == {"limits": {"nvidia.com/gpu": 1}}

    def test_the_original_is_untouched(self):
        document = experiment_document()
        apply_sets(document, ["spec.maxTrialCount=99", "spec.parameters[0].name=x"])
        assert document == experiment_document()

    @pytest.mark.parametrize(
        ("text", "path", "hint"),
        [
            ("spec.paralelTrialCount=4", "spec.paralelTrialCount", "did you mean `parallelTrialCount`?"),
            ("spec.nothing.at.all=4", "spec.nothing", ""),
            ("spec.parameters[9].name=4", "spec.parameters[9]", "it has 4"),
            ("spec.parameters[layer].name=4", "spec.parameters.layer", "did you mean `layers`?"),
            ("spec.parameters.name=4", "spec.parameters.name", "there are: lr, layers"),
            ("spec.maxTrialCount.x=4", "spec.maxTrialCount.x", ""),
            ("spec[0]=4", "spec[0]", ""),
            ("spec.maxTrialCount", "document", ""),
            ("=4", "document", ""),
            ("spec..x=4", "document", ""),
            ("spec.objective.goal=[", "document", ""),
        ],
    )
    def test_a_path_that_leads_nowhere_is_refused(self, text, path, hint):
        with pytest.raises(InvalidInput) as caught:
            self.changed(text)
        [fault] = caught.value.faults
        assert fault.path == path
        assert fault.hint.startswith(hint)

    def test_all_faults_at_once(self):
        with pytest.raises(InvalidInput) as caught:
            self.changed("spec.a=1", "spec.b=1", "spec.maxTrialCount=1")
        assert [fault.path for fault in caught.value.faults] == ["spec.a", "spec.b"]

    def test_what_was_set_has_no_line(self):
        loaded = load_text(HEAD + "spec:\n  maxTrialCount: 1\n", source="x")
        changed = apply_sets(loaded, ["spec.maxTrialCount=2"])
        assert "spec.maxTrialCount" not in changed.lines
        assert changed.lines["spec"] == 3
        assert loaded.lines["spec.maxTrialCount"] == 4
