"""Annotated cuts as a lazy ``CutSet``: several passes, transforms, files, worker processes."""

from __future__ import annotations

import os
import pickle

import pytest
from lhotse import (
    CutSet,
    LilcomChunkyWriter,
    NumpyHdf5Writer,
    Recording,
    RecordingSet,
    SupervisionSegment,
    SupervisionSet,
)
from lhotse.dataset import DynamicCutSampler, IterableDatasetWrapper
from support.workers import Labels, Sad
from torch.utils.data import DataLoader

from emo2vec_plugins import Emo2vecWarning, Engine, Options, Plugins, annotate_cuts, load_model
from emo2vec_plugins.errors import OptionsError, SourceError, StoreError
from emo2vec_plugins.testing import FakeBackend

BARE = Plugins(installed=False)


@pytest.fixture
def recording(noise, write):
    return Recording.from_file(write("rec.wav", noise(16_000 * 6), 16_000))


@pytest.fixture
def cuts(recording):
    cut = recording.to_cut()
    cut.supervisions = [
        SupervisionSegment("a", "rec", 0.5, 2.0, speaker="A"),
        SupervisionSegment("b", "rec", 3.5, 1.0, speaker="B"),
    ]
    return CutSet.from_cuts([cut]).cut_into_windows(3.0).to_eager()


def engine(**options):
    return Engine(FakeBackend(), **options)


def documents(cuts):
    return [cut.to_dict() for cut in cuts]


def has_b(cut):
    return cut.supervisions[0].id == "b"


def renamed(cut):
    return cut.with_id("x")


def test_a_second_pass_annotates_again(cuts):
    scorer = Sad()
    results = annotate_cuts(cuts, score=scorer, plugins=BARE)

    first = documents(results)
    scorer.predict = lambda clip: engine().score(clip.audio)[0]
    second = documents(results)

    assert len(first) == 2
    assert [c["supervisions"][0]["custom"]["emotion"] for c in first] == ["sad", "sad"]
    assert first != second
    assert second == documents(annotate_cuts(cuts, score=scorer, plugins=BARE))


def test_every_pass_gives_equal_cuts(cuts):
    options = Options(embeddings=True)
    results = annotate_cuts(cuts, score=engine(), options=options, plugins=BARE)

    assert list(results) == list(results) == list(results.to_eager())


def test_two_passes_may_run_at_the_same_time(cuts):
    results = annotate_cuts(cuts, score=engine(), plugins=BARE)

    assert all(one == other for one, other in zip(results, results, strict=True))


def test_an_open_store_receives_the_arrays_of_every_pass(cuts, tmp_path):
    with NumpyHdf5Writer(tmp_path / "arrays") as store:
        options = Options(embeddings=True, store=store)
        results = annotate_cuts(cuts, score=engine(), options=options, plugins=BARE)
        first, second = list(results), list(results)

    for one, other in zip(first, second, strict=True):
        values = [c.supervisions[0].load_emotion_embedding() for c in (one, other)]
        assert (values[0] == values[1]).all()


def test_annotated_cuts_are_a_lazy_cut_set(cuts, tmp_path):
    results = annotate_cuts(cuts, score=Sad(), plugins=BARE)

    assert isinstance(results, CutSet)
    assert results.is_lazy
    assert len(results) == 2
    assert documents(results.filter(has_b)) == documents(results)[1:]
    assert [cut.id for cut in results.map(renamed)] == ["x", "x"]
    assert documents(results + results) == 2 * documents(results)
    results.to_file(tmp_path / "cuts.jsonl.gz")
    assert documents(CutSet.from_file(tmp_path / "cuts.jsonl.gz")) == documents(results)
    results.to_jsonl(tmp_path / "cuts.jsonl")
    assert documents(CutSet.from_jsonl(tmp_path / "cuts.jsonl")) == documents(results)


def test_cuts_are_read_from_their_manifest_in_every_pass(cuts, tmp_path):
    cuts.to_file(tmp_path / "cuts.jsonl")
    results = annotate_cuts(
        CutSet.from_jsonl_lazy(tmp_path / "cuts.jsonl"), score=Sad(), plugins=BARE
    )

    before = documents(results)
    cuts.subset(first=1).to_file(tmp_path / "cuts.jsonl")

    assert documents(results) == before[:1]


def test_recordings_with_supervisions_are_read_again_too(recording):
    turns = SupervisionSet.from_segments([SupervisionSegment("a", "rec", 1.0, 1.0)])
    recordings = RecordingSet.from_recordings([recording])
    results = annotate_cuts(recordings, score=Sad(), supervisions=turns, plugins=BARE)

    assert documents(results) == documents(results)
    assert next(iter(results)).supervisions[0].emotion == "sad"


def test_kept_labels_raise_one_warning_in_every_pass(cuts):
    labelled = cuts.map_supervisions(lambda turn: turn.with_custom("emotion", "bored"))
    results = annotate_cuts(labelled, score=Sad(), plugins=BARE)

    for _ in range(2):
        with pytest.warns(Emo2vecWarning, match="has 'bored'") as caught:
            list(results)
        assert len(caught) == 1


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_generator_gives_one_pass_and_then_an_error(cuts, wrapped):
    generator = (cut for cut in cuts)
    given = CutSet(generator) if wrapped else generator
    results = annotate_cuts(given, score=Sad(), plugins=BARE)

    assert len(list(results)) == 2
    with pytest.raises(SourceError, match=r"only once.*to_eager"):
        list(results)


def merged(generator, cuts):
    return CutSet.mux(CutSet(generator), cuts)


@pytest.mark.parametrize(
    "behind", [lambda g, _: CutSet(g).filter(has_b), lambda g, _: CutSet(g).map(renamed), merged]
)
def test_a_generator_is_detected_inside_lhotse_transforms(cuts, behind):
    results = annotate_cuts(behind((cut for cut in cuts), cuts), score=Sad(), plugins=BARE)

    next(iter(results))

    with pytest.raises(SourceError, match="only once"):
        next(iter(results))


def test_cuts_that_are_removed_before_the_second_pass_are_not_returned(cuts):
    given = list(cuts)
    results = annotate_cuts(given, score=Sad(), plugins=BARE)

    assert len(list(results)) == 2
    given.clear()
    assert list(results) == []


def test_a_closed_store_ends_the_pass(cuts, tmp_path):
    with LilcomChunkyWriter(tmp_path / "arrays.lca") as store:
        options = Options(embeddings=True, store=store)
        results = annotate_cuts(cuts, score=engine(), options=options, plugins=BARE)

    with pytest.raises(StoreError, match=r"LilcomChunkyWriter .*closed"):
        list(results)


def test_supervisions_may_be_lazy(recording, tmp_path):
    turns = SupervisionSet.from_segments([SupervisionSegment("a", "rec", 1.0, 1.0)])
    turns.to_file(tmp_path / "turns.jsonl")
    lazy = SupervisionSet.from_jsonl_lazy(tmp_path / "turns.jsonl").filter(lambda _: True)
    recordings = RecordingSet.from_recordings([recording])

    (cut,) = annotate_cuts(recordings, score=Sad(), supervisions=lazy, plugins=BARE)

    assert cut.supervisions[0].emotion == "sad"


def test_a_generator_of_supervisions_also_gives_one_pass(recording):
    turns = iter([SupervisionSegment("a", "rec", 1.0, 1.0)])
    recordings = RecordingSet.from_recordings([recording])
    results = annotate_cuts(recordings, score=Sad(), supervisions=turns, plugins=BARE)

    assert len(next(iter(results)).supervisions) == 1
    with pytest.raises(SourceError, match="only once"):
        list(results)


@pytest.mark.parametrize("options", [Options(), Options(field="mood", embeddings=True)])
def test_annotated_cuts_pickle_with_their_scorer_and_options(cuts, options):
    results = annotate_cuts(cuts, score=Sad(), options=options)

    copy = pickle.loads(pickle.dumps(results))

    assert documents(copy) == documents(results)


def test_an_engine_is_pickled_as_its_model_name(cuts):
    results = annotate_cuts(cuts, score=Engine(load_model("tiny"), batch_seconds=4))

    written = pickle.dumps(results)

    assert len(written) < 20_000
    assert documents(pickle.loads(written)) == documents(results)


def test_objects_of_this_process_cannot_be_pickled(cuts, tmp_path):
    with NumpyHdf5Writer(tmp_path / "arrays") as store:
        for message, given in {
            r"pickled.* plugins=": {"plugins": BARE},
            r"pickled.* store": {"options": Options(embeddings=True, store=store)},
            "load_model": {"score": engine()},
        }.items():
            results = annotate_cuts(cuts, **{"score": Sad()} | given)
            with pytest.raises(OptionsError, match=message):
                pickle.dumps(results)
    with pytest.raises(OptionsError, match=r"pickled.* generator"):
        pickle.dumps(annotate_cuts((cut for cut in cuts), score=Sad()))


@pytest.mark.parametrize("score", [Sad(), "tiny"], ids=["scorer", "engine"])
def test_a_spawned_worker_annotates_cuts(cuts, score):
    scorer = Engine(load_model(score)) if isinstance(score, str) else score
    results = annotate_cuts(cuts, score=scorer)
    sampler = DynamicCutSampler(results, max_cuts=2)
    loader = DataLoader(
        IterableDatasetWrapper(Labels(), sampler),
        batch_size=None,
        num_workers=1,
        multiprocessing_context="spawn",
    )

    [(process, found)] = list(loader)

    assert process != os.getpid()
    for one, other in zip(found, documents(results), strict=True):
        custom, expected = (each["supervisions"][0]["custom"] for each in (one, other))
        assert custom["emotion_scores"] == pytest.approx(expected["emotion_scores"])
        assert custom["emotion"] == expected["emotion"]


def test_a_generator_behind_a_filter_is_not_silently_empty(cuts):
    transformed = CutSet(cut for cut in cuts).filter(has_supervisions)
    results = annotate_cuts(transformed, score=engine(), plugins=BARE)

    assert len(list(results)) == 2
    with pytest.raises(SourceError, match="to_eager"):
        list(results)


def has_supervisions(cut):
    return bool(cut.supervisions)


@pytest.mark.parametrize("transform", [lambda cuts: cuts, lambda cuts: cuts.filter(bool)])
def test_the_warning_for_kept_labels_has_the_callers_line(cuts, transform):
    labelled = annotate_cuts(cuts, score=engine(), plugins=BARE).to_eager()
    results = transform(annotate_cuts(labelled, score=engine(), plugins=BARE))

    with pytest.warns(Emo2vecWarning, match="'emotion' are kept") as caught:
        list(results)

    assert {each.filename for each in caught} == {__file__}
