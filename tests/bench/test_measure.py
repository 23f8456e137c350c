"""Calculations of the benchmark: turns, operations, ratios, differences, tables, pictures."""

from __future__ import annotations

import io
import json
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.paths import names_in
from torch.utils.flop_counter import FlopCounterMode

from emo2vec_plugins.bench import machine, memory
from emo2vec_plugins.bench.files import annotate_files, recorded, write_recordings
from emo2vec_plugins.bench.flops import Peaks, flop
from emo2vec_plugins.bench.peer import _batches
from emo2vec_plugins.bench.picture import speed_figure
from emo2vec_plugins.bench.results import Length, Measured, Report, difference, ratio
from emo2vec_plugins.bench.subjects import Loaded, Round, Scores, Subject
from emo2vec_plugins.bench.table import growth, heading, speeds
from emo2vec_plugins.bench.turns import (
    LONGEST,
    LOUDNESS,
    MEETINGS,
    SHORTEST,
    Distribution,
    draw,
    of_rttm,
    speechlike,
)
from emo2vec_plugins.bench.weights import named_weights, random_weights
from emo2vec_plugins.core.loading import load_model
from emo2vec_plugins.core.plugins import Plugins
from emo2vec_plugins.engine.engine import Engine
from emo2vec_plugins.errors import FormatError, ModelNotFoundError, OptionsError
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.models.network import Network
from emo2vec_plugins.models.packing import lay
from emo2vec_plugins.testing import FakeBackend

SMALL = Config(
    width=48,
    heads=6,
    prenet_depth=1,
    depth=2,
    conv_layers=((24, 10, 5), *[(24, 3, 2)] * 4, *[(24, 2, 2)] * 2),
    position_groups=4,
)


def measured(name="torch:float32", seconds=(2.0, 1.0, 4.0), **more):
    rounds = tuple(Round(seconds=each, memory=5_000_000, device_memory=None) for each in seconds)
    values = {"audio_seconds": 30.0, "turns": 10} | more
    return Measured(
        subject=Subject.parse(name),
        loaded=Loaded(resident=1, most_resident=2, threads=1),
        rounds=rounds,
        **values,
    )


def report(*each):
    about = {
        "turns": {"count": 10, "seconds": 30.0, "source": "meetings"},
        "model": "a model",
        "machine": {"cpu": "a CPU", "cores": 2, "gpu": None},
    }
    return Report(about=about, measured=each, left_out={"a:b": "no"}, peaks={"float32": [1.0]})


# Turns


def test_a_few_turns_have_the_mix_of_the_whole_distribution():
    few = np.array(draw(MEETINGS, seconds=120, seed=0)) / 16_000
    many = np.array(draw(MEETINGS, seconds=36_000, seed=0)) / 16_000

    assert len(few) == 30
    assert few.mean() == pytest.approx(4.0, abs=0.2)
    assert many.mean() == pytest.approx(4.0, abs=0.02)
    assert np.median(few) == pytest.approx(2.16, abs=0.2)
    assert many.max() == LONGEST


def test_the_seed_changes_only_the_order():
    one, again, two = (draw(MEETINGS, seconds=60, seed=seed) for seed in (1, 1, 2))

    assert one == again != two
    assert sorted(one) == sorted(two)


@given(
    lengths=st.lists(st.floats(0, 200), min_size=1, max_size=20),
    seconds=st.floats(0.1, 500),
    seed=st.integers(0, 9),
)
def test_every_turn_can_be_scored_by_every_subject(lengths, seconds, seed):
    ordered = sorted(lengths)
    shares = np.linspace(0, 1, len(ordered))
    points = tuple(zip(map(float, shares), ordered, strict=True))

    samples = draw(Distribution(source="", points=points), seconds=seconds, seed=seed)

    assert samples
    assert all(SHORTEST * 16_000 <= each <= LONGEST * 16_000 for each in samples)


def test_turns_are_as_long_as_those_of_an_rttm(tmp_path):
    path = tmp_path / "two.rttm"
    path.write_text(
        "SPEAKER a 1 0.0 1.0 <NA> <NA> x <NA> <NA>\n"
        "SPEAKER a 1 3.0 0.0 <NA> <NA> x <NA> <NA>\n"
        "SPEAKER b 1 0.0 3.0 <NA> <NA> x <NA> <NA>\n"
    )

    found = of_rttm(path)

    assert found == Distribution(source="two.rttm", points=((0.25, 1.0), (0.75, 3.0)))
    assert sorted(draw(found, seconds=4, seed=0)) == [16_000, 48_000]


def test_an_rttm_without_turns_that_can_be_scored_is_refused(tmp_path):
    path = tmp_path / "none.rttm"
    path.write_text("SPEAKER a 1 3.0 0.01 <NA> <NA> x <NA> <NA>\n")

    with pytest.raises(OptionsError, match=r"none\.rttm: .*0\.025 s.*\(1 shorter\)"):
        of_rttm(path)
    path.write_text("no RTTM\n")
    with pytest.raises(FormatError, match=r"none\.rttm"):
        of_rttm(path)


def test_the_same_seed_gives_the_same_audio():
    sound = speechlike(16_000, seed=3)

    np.testing.assert_array_equal(sound, speechlike(16_000, seed=3))
    assert sound.dtype == np.float32
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(LOUDNESS)
    assert len(speechlike(400, seed=0)) == 400


# Operations


def test_operations_match_the_count_of_torch():
    samples = 49 * 320 + 400  # the last frame ends at the last sample
    network = Network(SMALL, 5)
    layout = lay([samples], gap=network.gap)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.randn(layout.samples), layout)
    counted = sum(
        count
        for operator, count in counter.get_flop_counts()["Global"].items()
        if "attention" not in str(operator)
    )
    rows = (samples - 400) // 320 + 1 + 10
    attention = 2 * 2 * rows * rows * 48 * 3

    assert flop(SMALL, [samples], labels=5) == counted + attention


def test_the_published_shape_needs_20_6_gflop_per_second():
    per_second = flop(Config(), [30 * 16_000], labels=9) / 30
    without_attention = per_second - 12 * 4 * 1509**2 * 1024 / 30

    assert without_attention == pytest.approx(20.6e9, rel=0.01)


def test_operations_of_turns_add_up():
    together = flop(SMALL, [8_000, 16_000], labels=5)

    assert together == sum(flop(SMALL, [each], labels=5) for each in (8_000, 16_000))


def test_an_unsupported_dtype_has_no_peak():
    peaks = Peaks("cpu", None)

    assert peaks.measure("float32") > 0
    assert peaks.measure("bool") is None


# Results


def test_a_subject_is_a_loader_and_a_dtype():
    assert Subject.parse("torch:bfloat16") == Subject(way="torch", dtype="bfloat16")
    for wrong in ("torch", "torch:", ":int8", "a:b:c"):
        with pytest.raises(OptionsError, match=f"WAY:DTYPE.*{wrong!r}"):
            Subject.parse(wrong)


def test_results_come_from_the_median_round():
    one = measured(flop=60_000, peak=120_000.0, end_to_end=(3.0, 5.0, 4.0))

    assert (one.seconds, one.speed, one.turns_per_second) == (2.0, 15.0, 5.0)
    assert (one.limit, one.share) == (60.0, 0.25)
    assert one.end_to_end_speed == 7.5
    assert one.memory == 5_000_000
    assert one.to_json()["flop_per_second"] == 30_000


def test_an_unknown_limit_is_none():
    assert measured(flop=1).limit is measured(peak=1.0).share is None


def test_memory_is_that_of_a_device_with_its_own_memory():
    rounds = tuple(Round(seconds=1.0, memory=9, device_memory=each) for each in (3, 4))
    one = Measured(
        subject=Subject.parse("torch:float32"),
        loaded=Loaded(resident=None, most_resident=None, threads=1),
        rounds=rounds,
        audio_seconds=1.0,
        turns=1,
    )

    assert one.memory == 4


def test_a_ratio_is_the_median_of_ratios_by_round():
    found = ratio([1.0, 2.0, 1.0], [3.0, 4.0, 5.0])

    assert (found.median, found.lowest, found.highest) == (3.0, 2.0, 5.0)


def test_differences_are_the_largest_of_all_turns():
    def scores(labels, probabilities, embeddings):
        return Scores(
            labels=labels,
            probabilities=np.array(probabilities),
            logits=np.array(probabilities) * 2,
            embeddings=np.array(embeddings),
        )

    truth = scores(("a", "b"), [[0.75, 0.25], [0.5, 0.5]], [[1.0, 0.0], [0.0, 2.0]])
    other = scores(("a", "a"), [[0.75, 0.25], [0.75, 0.25]], [[2.0, 0.0], [3.0, 4.0]])

    found = difference(other, truth)

    assert (found.probability, found.logit, found.same_label) == (0.25, 0.5, 0.5)
    assert found.cosine == pytest.approx(0.8)


def test_a_table_leaves_out_empty_columns():
    columns, rows = speeds(report(measured(), measured("x:int8", ratio=ratio([1.0], [2.0]))))

    assert columns == ["subject", "x real time", "turns/s", "x reference", "GB"]
    assert rows[0] == ["torch:float32", "15.0", "5.0", "", "0.01"]
    assert rows[1][3] == "2.00 (2.00-2.00)"
    assert growth(report(measured()))[1] == []
    for fact in ("10 turns, ", "30 s, ", "meetings", "a model", "a CPU, 2 cores"):
        assert fact in heading(report(measured()))


@pytest.mark.parametrize("peak", [120_000.0, 1e9])
def test_a_picture_has_a_bar_for_each_subject_and_near_limits(peak):
    one = measured(flop=60_000, peak=peak, ratio=ratio([1.0], [2.0]), end_to_end=(3.0,))
    figure = speed_figure(report(one, measured("funasr:float32")))
    (axes,) = figure.axes

    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "torch:float32",
        "funasr:float32",
    ]
    assert axes.texts[0].get_text().startswith("15.0, 2.0 x reference, ")
    with io.BytesIO() as stream:
        figure.savefig(stream, format="png")
        assert stream.getvalue().startswith(b"\x89PNG")


def test_a_picture_shows_recordings_of_several_lengths():
    lengths = tuple(
        Length(hours=hours, turns=9, seconds=60.0 * hours, memory=None) for hours in (1, 2)
    )

    speeds_, minutes, _ = speed_figure(report(measured(lengths=lengths), measured())).axes

    assert len(speeds_.patches) == 2
    (line,) = minutes.lines
    assert list(line.get_ydata()) == [1.0, 2.0]


def test_a_report_is_json():
    document = json.loads(json.dumps(report(measured()).to_json(), allow_nan=False))

    assert document["schema"] == 1
    assert document["left_out"] == {"a:b": "no"}
    assert [each["seconds"] for each in document["subjects"][0]["rounds"]] == [2.0, 1.0, 4.0]


# Models and files


def test_random_weights_keep_activations_within_bounds(tmp_path):
    weights = random_weights(tmp_path / "model", config=SMALL)
    backend = load_model(f"torch:{weights.folder}")
    ((embeddings, logits),) = backend.run([speechlike(16_000, seed=0) * 10])

    assert weights.labels == 9 == logits.shape[1]
    assert 0.5 < embeddings.std() < 2


def test_a_named_model_gets_the_weights_file_of_the_reference(tmp_path):
    tiny = named_weights("tiny", tmp_path / "model")

    assert (tiny.folder / "model.pt").is_file()
    assert named_weights(str(tiny.folder), tmp_path / "other").folder == tiny.folder
    with pytest.raises(ModelNotFoundError, match="nothing"):
        named_weights("nothing", tmp_path / "other")


def test_padded_batches_keep_to_the_budget():
    sounds = [np.zeros(length) for length in (5, 4, 2, 20, 3)]

    assert [[len(each) for each in batch] for batch in _batches(sounds, budget=10)] == [
        [5, 4],
        [2],
        [20],
        [3],
    ]


@pytest.mark.parametrize("has_lhotse", [True, False])
def test_files_are_annotated_with_and_without_lhotse(tmp_path, has_lhotse):
    folder, target = tmp_path / "in", tmp_path / "out"
    write_recordings(folder, [16_000, 8_000, 400], seed=0, per_recording=2)
    if not has_lhotse:
        (folder / "cuts.jsonl.gz").unlink()

    annotate_files(folder, target, engine=Engine(FakeBackend()), plugins=Plugins(installed=False))

    assert recorded([16_000, 8_000]) == 1.9
    names = names_in(target)
    if has_lhotse:
        from lhotse import CutSet

        cuts = CutSet.from_file(target / "cuts.jsonl.gz")
        assert [len(cut.supervisions) for cut in cuts] == [2, 1]
        assert all(turn.emotion for cut in cuts for turn in cut.supervisions)
    else:
        assert len(names) == 8


def test_memory_is_sampled_while_a_block_runs():
    if not memory.STATUS.exists():
        pytest.skip("this system does not report memory")
    memory.forget_most()
    with memory.watched() as seen:
        held = np.ones(4_000_000)
        while len(seen) < 3:
            time.sleep(0.01)
        assert max(seen) >= held.nbytes

    assert memory.memory("VmHWM") >= memory.memory("VmRSS") // 2 > 0


def test_a_machine_is_described():
    info = "processor: 0\nmodel name\t: A CPU\nflags\t: fpu avx2 avx512_vnni\nmodel name: B\n"

    assert machine._cpu(info) == ("A CPU", ["avx2", "avx512_vnni"])
    assert machine._cpu("") == ("", [])
    assert machine.describe("cpu")["gpu"] is None
    assert machine.versions()["torch"] == torch.__version__.partition("+")[0]
