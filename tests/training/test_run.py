"""Complete runs: trained models are saved, load in other toolkits, and survive a killed run."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from support.paths import names_in
from support.reference import auto_model
from support.training import CPU, same, stopped, weights

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.errors import (
    AudioError,
    CheckpointError,
    OptionsError,
    ResumeError,
    TrainingError,
)
from emo2vec_plugins.models.config import read_config, to_document
from emo2vec_plugins.models.pickles import read_state
from emo2vec_plugins.testing import FakeBackend
from emo2vec_plugins.training.card import CardContent
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.features import EmbeddingCache, Waveforms
from emo2vec_plugins.training.filter_bank import layers
from emo2vec_plugins.training.fit import Resources
from emo2vec_plugins.training.heads import heads_of
from emo2vec_plugins.training.kept import Memory
from emo2vec_plugins.training.model import from_pretrained, new_model, trainable
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.run import train
from emo2vec_plugins.training.split import make_split
from emo2vec_plugins.training.trainer import Side, Trainer
from emo2vec_plugins.training.work_folder import MARK

pytestmark = pytest.mark.usefixtures("one_thread")


def scores(folder, path):
    return list(Engine(load_model(folder, device="cpu")).score(path)[0].scores.values())


def test_a_new_network_learns_to_distinguish_two_tones(split_with_dev, recipe, tmp_path):
    recipe = replace(recipe, epochs=15, dropout=0.0)
    trained = train(split_with_dev, recipe, out=tmp_path / "out", resources=CPU)

    assert trained.epochs[-1].train_loss < 0.5 * trained.epochs[0].train_loss
    assert trained.evaluation.ua.value == 1.0
    assert trained.evaluation.turns == 4


def test_a_completed_run_leaves_a_complete_folder_and_nothing_else(
    split_with_dev, recipe, tmp_path
):
    train(split_with_dev, recipe, out=tmp_path / "out", resources=CPU)

    assert names_in(tmp_path) == ["out"]
    assert names_in(tmp_path / "out") == [
        "README.md",
        "config.yaml",
        "configuration.json",
        "curve.csv",
        "curve.png",
        "evaluation.json",
        "model.pt",
        "tokens.txt",
        "training.json",
    ]
    assert (tmp_path / "out" / "tokens.txt").read_text("utf-8") == "开心/happy\n难过/sad"


def test_the_curve_has_a_line_for_every_epoch(split_with_dev, recipe, tmp_path):
    train(split_with_dev, recipe, out=tmp_path / "out", resources=CPU)

    head, *lines = (tmp_path / "out" / "curve.csv").read_text().splitlines()
    assert head == "epoch,train_loss,dev_loss,dev_ua,dev_wa,learning_rate,seconds"
    assert [line.split(",")[0] for line in lines] == ["1", "2", "3"]
    assert (tmp_path / "out" / "curve.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_weights_depend_on_the_seed(split, recipe, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(split, replace(recipe, seed=seed), out=tmp_path / name, resources=CPU)

    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.filterwarnings("ignore")  # importing FunASR emits many warnings
def test_funasr_gives_the_same_scores(split, recipe, place, tmp_path):
    train(split, recipe, out=tmp_path / "out", resources=CPU)
    path = place / "wav" / "ann-happy-0.wav"

    expected = auto_model(tmp_path / "out").generate(str(path), granularity="utterance")[0]

    assert expected["labels"] == ["开心/happy", "难过/sad"]
    assert scores(tmp_path / "out", path) == pytest.approx(expected["scores"], abs=1e-4)


MODELSCOPE = """
import json, sys
try:
    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(77)
recognize = pipeline(Tasks.emotion_recognition, model=sys.argv[1])
result = recognize(sys.argv[2], granularity="utterance", extract_embedding=False)[0]
print("\\n" + json.dumps({"labels": result["labels"], "scores": result["scores"]}))
"""


@pytest.mark.slow
def test_modelscope_gives_the_same_scores(split, recipe, place, tmp_path):
    train(split, recipe, out=tmp_path / "out", resources=CPU)
    path = place / "wav" / "ann-happy-0.wav"
    run = subprocess.run(
        [sys.executable, "-c", MODELSCOPE, str(tmp_path / "out"), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 77:
        pytest.skip(f"needs modelscope[framework]: {run.stderr.strip().splitlines()[-1]}")

    expected = json.loads(run.stdout.splitlines()[-1])
    assert expected["labels"] == ["开心/happy", "难过/sad"]
    assert scores(tmp_path / "out", path) == pytest.approx(expected["scores"], abs=1e-4)


def test_the_moving_average_of_the_weights_is_saved(split, recipe, tmp_path):
    start = new_model(recipe, ["happy", "sad"]).network.state_dict()

    def moved(average):
        folder = tmp_path / str(average)
        train(split, replace(recipe, average=average), out=folder, resources=CPU)
        after = weights(folder)
        return sum((after[name] - start[name]).square().sum().item() for name in start)

    # With this many steps, the average is still close to the weights after the first step.
    assert moved(1_000_000) < 0.2 * moved(None)


def test_training_does_not_change_a_filter_bank(split, recipe, place, tmp_path):
    config = replace(read_config(place / "config.yaml"), conv_layers=layers(8))
    path = tmp_path / "banked.yaml"
    path.write_text(yaml.safe_dump(to_document(config, ())), "utf-8")
    recipe = replace(recipe, network=str(path), front_end="filter-bank")
    untrained = new_model(recipe, ["happy", "sad"]).network.state_dict()
    train(split, recipe, out=tmp_path / "out", resources=CPU)

    trained = weights(tmp_path / "out")
    kept = {name for name in untrained if torch.equal(untrained[name], trained[name])}
    front = {name for name in untrained if "local_encoder" in name or "project_features.1" in name}
    assert front <= kept
    assert not any(name.startswith(("proj.", "blocks.")) for name in kept)


def changed(base, folder):
    before = base.network.state_dict()
    after = weights(folder)
    return {
        name.split(".")[0] + "." + name.split(".")[1]
        for name in before
        if name in after
        and not (before[name].shape == after[name].shape and torch.equal(before[name], after[name]))
    }


def test_tune_head_changes_only_the_head(split, base, tmp_path):
    resources = Resources(base=base, device="cpu", cache=tmp_path / "cache")
    trained = train(split, Recipe(epochs=40), out=tmp_path / "out", resources=resources)

    assert changed(base, tmp_path / "out") == {"proj.weight", "proj.bias"}
    assert trained.epochs[-1].train_loss < trained.epochs[0].train_loss


def test_tune_top_changes_the_last_blocks_and_the_head(split, base, tmp_path):
    recipe = Recipe(tune="top", blocks=1, epochs=1)
    train(split, recipe, out=tmp_path / "out", resources=Resources(base=base, device="cpu"))

    assert changed(base, tmp_path / "out") == {"proj.weight", "proj.bias", "blocks.0"}


def test_tune_all_changes_everything(split, base, tmp_path):
    recipe = Recipe(tune="all", epochs=1)
    train(split, recipe, out=tmp_path / "out", resources=Resources(base=base, device="cpu"))

    assert {"modality_encoders.AUDIO", "blocks.0"} < changed(base, tmp_path / "out")


def test_more_blocks_than_the_network_has_is_an_error(split, base, tmp_path):
    recipe = Recipe(tune="top", blocks=3)
    with pytest.raises(OptionsError, match=r"2 blocks.* 3$"):
        train(split, recipe, out=tmp_path / "out", resources=Resources(base=base, device="cpu"))


def test_a_new_head_reuses_the_rows_of_known_classes(base):
    start = from_pretrained(base, Recipe(), ["happy", "sad"])
    other = from_pretrained(base, Recipe(reuse_head=False), ["happy", "sad"])

    assert start.reused == ("happy",)
    assert torch.equal(start.network.proj.weight[0], base.network.proj.weight[1])
    assert not torch.equal(other.network.proj.weight[0], base.network.proj.weight[1])
    assert start.tokens == ("开心/happy", "难过/sad")


def test_training_does_not_touch_the_model_it_starts_from(split, base, tmp_path):
    before = {name: value.clone() for name, value in base.network.state_dict().items()}

    train(split, Recipe(tune="all", epochs=1), out=tmp_path / "out", resources=Resources(base=base))

    assert same(before, base.network.state_dict())


class Counting(FakeBackend):
    """Counts the waveforms it receives."""

    count = 0

    def run(self, waveforms):
        self.count += len(waveforms)
        return super().run(waveforms)


def test_embeddings_are_computed_once(examples, tmp_path):
    backend = Counting()
    first = EmbeddingCache(tmp_path, Engine(backend)).embeddings(examples)
    second = EmbeddingCache(tmp_path, Engine(backend)).embeddings(examples[::-1])

    assert backend.count == 16
    assert np.array_equal(first, second[::-1])
    expected = next(iter(Engine(FakeBackend())([examples[0].clip()])))[1].embedding
    assert np.array_equal(first[0], expected)


def test_embeddings_of_another_model_or_a_damaged_file_are_computed_again(examples, tmp_path):
    backend = Counting()
    EmbeddingCache(tmp_path, Engine(backend)).embeddings(examples[:4])
    next(tmp_path.rglob("*.npy")).write_bytes(b"torn")

    EmbeddingCache(tmp_path, Engine(backend)).embeddings(examples[:4])
    assert backend.count == 5
    backend.provenance = replace(backend.provenance, sha256="another")
    EmbeddingCache(tmp_path, Engine(backend)).embeddings(examples[:4])
    assert backend.count == 9


@pytest.mark.parametrize("kind", ["link", "dangling", "fifo"])
def test_a_link_or_pipe_in_the_cache_is_replaced_and_not_followed(examples, tmp_path, kind):
    cache, victim = tmp_path / "cache", tmp_path / "victim"
    expected = EmbeddingCache(cache, Engine(FakeBackend())).embeddings(examples[:1])
    [path] = cache.rglob("*.npy")
    path.unlink()
    if kind == "link":
        victim.write_text("precious")
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(victim)

    found = EmbeddingCache(cache, Engine(FakeBackend())).embeddings(examples[:1])

    assert np.array_equal(found, expected)
    assert path.is_file()
    assert not path.is_symlink()
    assert kind != "link" or victim.read_text() == "precious"
    assert kind != "dangling" or not victim.exists()


def test_a_second_run_of_a_head_does_not_run_the_model(split, place, tmp_path):
    backend = load_model(place / "base", device="cpu")
    resources = Resources(base=backend, device="cpu", cache=tmp_path / "cache")
    train(split, Recipe(epochs=1), out=tmp_path / "one", resources=resources)
    ran = []
    backend.run = lambda waveforms: ran.append(len(waveforms))

    train(split, Recipe(epochs=1, seed=5), out=tmp_path / "two", resources=resources)

    assert ran == []


def test_training_stops_when_patience_runs_out_and_keeps_the_best(split_with_dev, recipe, tmp_path):
    recipe = replace(recipe, epochs=30, learning_rate=1e-9, monitor="ua", patience=2)
    trained = train(
        split_with_dev, replace(recipe, tune="new"), out=tmp_path / "out", resources=CPU
    )

    assert len(trained.epochs) == trained.best + 2 < 30


def test_without_development_turns_the_last_epoch_is_saved_and_nothing_is_measured(
    examples, recipe, tmp_path
):
    trained = train(make_split(examples), recipe, out=tmp_path / "out", resources=CPU)

    assert trained.evaluation is None
    assert trained.best == 3
    assert "Not measured" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_bfloat16_keeps_weights_in_float32(split, recipe, tmp_path):
    trained = train(
        split, replace(recipe, precision="bfloat16", epochs=8), out=tmp_path / "out", resources=CPU
    )

    assert {str(t.dtype) for t in weights(tmp_path / "out").values()} == {"torch.float32"}
    assert trained.epochs[-1].train_loss < trained.epochs[0].train_loss


def test_the_card_describes_data_results_and_training(split_with_dev, base, tmp_path):
    content = CardContent(
        title="Tones",
        data="cuts.jsonl.gz",
        label_map={"joy": "happy", "meh": None},
        command="emo2vec train cuts.jsonl.gz --out tones",
        notes="Recorded in a studio.",
    )
    resources = Resources(base=base, device="cpu")
    train(
        split_with_dev,
        Recipe(tune="all", epochs=2),
        out=tmp_path / "out",
        resources=resources,
        content=content,
    )

    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    for fact in (
        "# Tones\n",
        "Recorded in a studio.",
        "happy, sad.\n",
        "cuts.jsonl.gz.\n",
        "12 turns (6 happy, 6 sad), 0.0 minutes, 3 speakers (ann, bob, cem)",
        "4 turns (2 happy, 2 sad), 0.0 minutes, 1 speaker (dee); no speaker ",
        "joy mapped to happy",
        "meh left out",
        "Base model: base,",
        base.provenance.sha256,
        "tune: all\n",
        "emo2vec train cuts.jsonl.gz --out tones",
        "decisions about people",
        "UA, unweighted average recall",
    ):
        assert fact in card


def test_an_empty_folder_is_filled(split, recipe, tmp_path):
    (tmp_path / "out").mkdir()

    train(split, recipe, out=tmp_path / "out", resources=CPU)

    assert names_in(tmp_path) == ["out"]
    assert (tmp_path / "out" / "model.pt").is_file()


def test_an_empty_folder_that_cannot_be_replaced_is_refused(split, recipe, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "dangling").symlink_to(tmp_path / "missing")
    monkeypatch.chdir(folder)

    for out in (folder, Path(), tmp_path / "link", tmp_path / "dangling"):
        with pytest.raises(CheckpointError, match="already exists"):
            train(split, recipe, out=out, resources=CPU)

    assert names_in(tmp_path) == ["dangling", "link", "out"]


CHILD = """
import sys
from pathlib import Path

import torch

from emo2vec_plugins.integrations.lhotse import read_cuts
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.filter_bank import layers
from emo2vec_plugins.training.fit import Resources
from emo2vec_plugins.training.recipe import read_recipe
from emo2vec_plugins.training.run import train
from emo2vec_plugins.training.split import make_split

torch.set_num_threads(1)
cuts, recipe, out = map(Path, sys.argv[1:])
train(
    make_split(read_examples(read_cuts(cuts)), names=["dee"]),
    read_recipe(recipe),
    out=out,
    resources=Resources(device="cpu"),
    progress=lambda result: print(result.epoch, flush=True),
)
"""


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    split_with_dev, recipe, place, tmp_path
):
    recipe = replace(recipe, epochs=12)
    recipe_file = tmp_path / "recipe.yaml"
    recipe_file.write_text(json.dumps(recipe.to_dict()))
    out = tmp_path / "killed"
    script = [sys.executable, "-c", textwrap.dedent(CHILD)]
    with subprocess.Popen(
        [*script, place / "cuts.jsonl.gz", recipe_file, out], stdout=subprocess.PIPE, text=True
    ) as child:
        while child.stdout.readline() != "2\n":
            assert child.poll() is None
        os.kill(child.pid, signal.SIGKILL)  # in the middle of an epoch
        child.wait()
    assert child.returncode == -signal.SIGKILL
    done = len(read_state(tmp_path / "killed.training" / "last.pt")["epochs"])
    assert 2 <= done < 12
    trained = []

    train(split_with_dev, recipe, out=out, resources=CPU, progress=trained.append)
    train(split_with_dev, recipe, out=tmp_path / "whole", resources=CPU)

    assert [each.epoch for each in trained] == list(range(1, 13))
    assert same(weights(out), weights(tmp_path / "whole"))
    assert (out / "curve.csv").read_text().count("\n") == 13


def test_two_runs_cannot_train_in_one_folder(split, recipe, tmp_path):
    def meet(_):
        with pytest.raises(ResumeError, match=r"out .*another process"):
            train(split, recipe, out=tmp_path / "out", resources=CPU)

    train(split, recipe, out=tmp_path / "out", resources=CPU, progress=meet)

    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("tune", ["head", "top", "all"])
def test_every_kind_of_training_can_be_resumed(split, base, tmp_path, tune):
    recipe = Recipe(tune=tune, blocks=1, epochs=4, batch_turns=5, dropout=0.2)
    resources = Resources(base=base, device="cpu", cache=tmp_path / "cache")
    stopped(split, recipe, tmp_path / "out", after=2, resources=resources)

    train(split, recipe, out=tmp_path / "out", resources=resources)
    train(split, recipe, out=tmp_path / "whole", resources=resources)

    assert same(weights(tmp_path / "out"), weights(tmp_path / "whole"))


def test_a_run_with_another_recipe_other_data_or_another_model_is_not_resumed(
    split, recipe, examples, base, tmp_path
):
    stopped(split, recipe, tmp_path / "out", after=1)

    with pytest.raises(
        ResumeError, match=r"recipe\.seed was 0, is now 7; .*remove .*out\.training"
    ):
        train(split, replace(recipe, seed=7), out=tmp_path / "out", resources=CPU)
    with pytest.raises(ResumeError, match=r" dev was None, .*; train was .*, is now "):
        train(make_split(examples, names=["ann"]), recipe, out=tmp_path / "out", resources=CPU)
    with pytest.raises(
        ResumeError, match=r" model was None, .*recipe\.tune was 'new', is now 'all'"
    ):
        train(
            split,
            Recipe(tune="all"),
            out=tmp_path / "out",
            resources=Resources(base=base, device="cpu"),
        )


def test_weights_that_are_not_finite_stop_training_immediately(split, place, tmp_path):
    backend = load_model(place / "base", device="cpu")
    backend.network.proj.weight[1, 0] = torch.nan  # the row of happy, which is reused

    with pytest.raises(
        TrainingError, match=r"loss is not finite.* epoch 1, step 1,.* turns (\w+-\w+-\d, )+"
    ):
        train(
            split,
            Recipe(tune="all", epochs=1),
            out=tmp_path / "out",
            resources=Resources(base=backend, device="cpu"),
        )
    assert not (tmp_path / "out").exists()


class FailsOnce:
    """Returns the features of another object; NaN in the second epoch's second step."""

    def __init__(self, feed, *, seed):
        self._feed = feed
        self._state = np.random.default_rng([seed, 1, 1]).bit_generator.state

    def batch(self, indices, rng):
        fails = rng.bit_generator.state == self._state
        found = self._feed.batch(indices, rng)
        return [x * torch.nan for x in found] if fails else found


def test_nan_in_a_later_epoch_leaves_the_checkpoint_before_it(split, recipe, tmp_path):
    heads = heads_of(split.train, recipe)
    feed = Waveforms(split.train, recipe, normalize=True, memory=Memory())
    trainer = Trainer(
        trainable(new_model(recipe, heads.labels), recipe),
        recipe,
        train=Side(split.train, heads, FailsOnce(feed, seed=recipe.seed)),
        dev=None,
        checkpoints=Checkpoints(tmp_path, {}),
        found=None,
        device=torch.device("cpu"),
    )

    with pytest.raises(TrainingError, match="epoch 2, step 2,"):
        trainer.run()
    history, state = Checkpoints(tmp_path, {}).load()
    assert len(history.epochs) == 1
    assert all(tensor.isfinite().all() for tensor in state["learned"].values())


@contextmanager
def files_of_at_most(size):
    """Make writes beyond *size* bytes of a file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_previous_checkpoint(split, recipe, tmp_path):
    work = stopped(split, recipe, tmp_path / "out", after=1)
    before = (work / "last.pt").read_bytes()

    with (
        files_of_at_most(10_000),
        pytest.raises(
            TrainingError, match=r"epoch 2 .*out\.training.*File too large.*epoch 1 is intact"
        ),
    ):
        train(split, recipe, out=tmp_path / "out", resources=CPU)

    assert (work / "before.pt").read_bytes() == before
    assert [*work.glob(".*")] == [work / MARK]
    train(split, recipe, out=tmp_path / "out", resources=CPU)
    train(split, recipe, out=tmp_path / "whole", resources=CPU)
    assert same(weights(tmp_path / "out"), weights(tmp_path / "whole"))


def test_a_full_disk_when_the_model_is_saved_leaves_the_checkpoint(split, recipe, tmp_path):
    work = stopped(split, recipe, tmp_path / "out", after=3)

    with (
        files_of_at_most(10_000),
        pytest.raises(TrainingError, match=r"model .*File too large.* checkpoint is intact"),
    ):
        train(split, recipe, out=tmp_path / "out", resources=CPU)

    assert not (tmp_path / "out").exists()
    assert (work / "last.pt").exists()
    train(split, recipe, out=tmp_path / "out", resources=CPU)


def test_an_error_names_audio_that_cannot_be_read(split, recipe, tmp_path):
    gone = split.train[0]
    source = replace(gone.cut.recording.sources[0], source=str(tmp_path / "gone.wav"))
    cut = replace(gone.cut, recording=replace(gone.cut.recording, sources=[source]))
    split = replace(split, train=(replace(gone, cut=cut), *split.train[1:]))

    with pytest.raises(AudioError, match=rf"turn '{gone.id}': .*gone\.wav\b"):
        train(split, recipe, out=tmp_path / "out", resources=CPU)


@pytest.mark.parametrize(
    ("recipe", "resources", "message"),
    [
        (Recipe(), CPU, "tune: head .*base model"),
        (Recipe(tune="all"), Resources(base=FakeBackend()), "fake .*weights"),
        (Recipe(tune="new"), Resources(base=FakeBackend()), "tune: new .*base model"),
    ],
)
def test_a_recipe_that_does_not_fit_its_model_is_an_error(
    split, tmp_path, recipe, resources, message
):
    with pytest.raises(OptionsError, match=message):
        train(split, recipe, out=tmp_path / "out", resources=resources)


def test_patience_without_development_turns_is_an_error(examples, tmp_path):
    with pytest.raises(OptionsError, match=r"patience .*development turns"):
        train(
            make_split(examples),
            Recipe(tune="new", patience=2),
            out=tmp_path / "out",
            resources=CPU,
        )


def test_long_turns_are_trained_on_in_part(examples, recipe):
    short = replace(recipe, max_seconds=0.1, crop=None)
    feed = Waveforms(examples, short, normalize=True, memory=Memory())

    assert {len(x) for x in feed.batch([0, 1], None)} == {1600}
    assert {len(x) for x in feed.batch([0, 1], np.random.default_rng(0))} == {1600}
