"""Reading config.yaml, strictly and without evaluating code."""

from __future__ import annotations

import pytest
import yaml
from support.paths import names_in
from support.reference import SMALL

from emo2vec_plugins.errors import ConfigError
from emo2vec_plugins.files import set_read_limit
from emo2vec_plugins.models.config import Config, read_config, to_document
from emo2vec_plugins.models.published import TINY


@pytest.fixture
def document():
    return to_document(SMALL, ("a", "b"))


@pytest.fixture
def write(tmp_path):
    def write(document):
        path = tmp_path / "config.yaml"
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
        return path

    return write


def test_the_published_large_model_is_the_default(shared):
    assert read_config(shared / "published_model" / "config.yaml") == Config()


def test_a_written_configuration_is_read_unchanged(write, document):
    assert read_config(write(document)) == SMALL


def test_a_number_that_yaml_reads_as_a_string_is_a_number(write, document):
    text = yaml.safe_dump(document).replace("norm_eps: 1.0e-05", "norm_eps: 1e-05")
    assert isinstance(yaml.safe_load(text)["model_conf"]["norm_eps"], str)

    assert read_config(write(text)).norm_eps == 1e-5


@pytest.mark.parametrize(
    "spec",
    [
        "__import__('os').system('touch owned')",
        "[(512, 10, 5)] + [(512, 3, 2)] * 10**9",
        "[(512, 10, 5)] * 1000000000",
        "[(512, 10, 5)] * -1",
        "[(512, 10)]",
        "[(512, 10, 0)]",
        "[]",
        "[x for x in ()]",
        "'text'",
        "[(1.5, 10, 5)]",
        "(",
        "(" * 500,
        "[(512, 10, 5)] * (65536 * 65536 * 65536)",
        "[((512, 10, 5) * 65536) * 65536]",
        "[(512, 10, 5)] + 3",
        "-" * 200_000 + "1",
        "[" + "1 + " * 50_000 + "1]",
        "9" * 5000,
    ],
)
def test_an_invalid_list_of_layers_is_rejected(write, document, spec, tmp_path):
    document["model_conf"]["modalities"]["audio"]["feature_encoder_spec"] = spec

    with pytest.raises(ConfigError, match="feature_encoder_spec"):
        read_config(write(document))

    assert names_in(tmp_path) == ["config.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch owned']",
        "model: [unclosed",
        "\x07",
    ],
)
def test_yaml_with_code_or_errors_is_rejected(write, text):
    with pytest.raises(ConfigError, match=r"config\.yaml: .*YAML"):
        read_config(write(text))


@pytest.mark.parametrize("text", ["", "just text", "[1, 2]"])
def test_yaml_with_another_structure_is_rejected(write, text):
    with pytest.raises(ConfigError, match=r"config\.yaml: .* got (NoneType|str|list)"):
        read_config(write(text))


def test_a_missing_value_is_named(write, document):
    del document["model_conf"]["embed_dim"]

    with pytest.raises(ConfigError, match="embed_dim is missing"):
        read_config(write(document))


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("conf", "layer_norm_first", True),
        ("audio", "extractor_mode", "default"),
        ("audio", "conv_pos_pre_ln", True),
        ("audio", "learned_alibi", True),
        ("audio", "use_alibi_encoder", False),
        ("audio", "num_alibi_heads", 3),
    ],
)
def test_another_kind_of_network_is_rejected(write, document, section, name, value):
    conf = document["model_conf"]
    {"conf": conf, "audio": conf["modalities"]["audio"]}[section][name] = value

    with pytest.raises(ConfigError, match=f"{name} .*got {value!r}"):
        read_config(write(document))


@pytest.mark.parametrize(
    ("name", "value"),
    [("embed_dim", "1024"), ("embed_dim", True), ("depth", -1), ("normalize", 1)],
)
def test_a_value_of_the_wrong_type_is_rejected(write, document, name, value):
    document["model_conf"][name] = value

    with pytest.raises(ConfigError, match=f"{name} must be of type (int|bool), got {value!r}"):
        read_config(write(document))


def test_a_front_end_with_other_frames_is_rejected():
    with pytest.raises(ConfigError, match=r"feature_encoder_spec .*400.* 320, got 20 .* 10"):
        Config(conv_layers=((512, 10, 5), (512, 3, 2)))


def test_a_width_that_is_not_a_multiple_of_the_heads_is_rejected():
    with pytest.raises(ConfigError, match="width 100, 16 heads"):
        Config(width=100, heads=16)


@pytest.mark.parametrize(
    "text",
    ["day: 2001-99-99", "[" * 5000, "n: " + "9" * 5000],
    ids=["no date", "nested", "long number"],
)
def test_yaml_that_crashes_the_parser_is_rejected(write, text):
    with pytest.raises(ConfigError, match=r"config\.yaml: .*YAML"):
        read_config(write(text))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conv_pos_groups", 0),
        ("conv_pos_depth", 0),
        ("conv_pos_width", 0),
        ("prenet_depth", 10**9),
        ("num_extra_tokens", 10**15),
        ("mlp_ratio", -1.0),
        ("mlp_ratio", float("inf")),
        ("norm_eps", float("nan")),
        ("embed_dim", 10**15),
    ],
)
def test_impossible_dimensions_are_rejected(write, document, name, value):
    model = document["model_conf"]
    (model if name in model else model["modalities"]["audio"])[name] = value

    with pytest.raises(ConfigError, match=rf"at most (65536|64), got {value}"):
        read_config(write(document))


def test_a_small_limit_of_reading_does_not_hold_for_the_embedded_model():
    set_read_limit(1024)
    try:
        assert read_config(TINY / "config.yaml")
    finally:
        set_read_limit(None)
