"""Cuts of every kind are annotated in order, with an emotion on every turn."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import lhotse
import numpy as np
import pytest
from lhotse import CutSet, MonoCut, Recording, RecordingSet, SupervisionSegment, SupervisionSet
from lhotse.cut import MixedCut, PaddingCut
from lhotse.utils import fastcopy

from emo2vec_plugins import Emo2vecWarning, Engine, Options, Plugins, Turn, annotate_cuts, hookimpl
from emo2vec_plugins.errors import OptionsError, SourceError
from emo2vec_plugins.integrations.lhotse.session import CutSession
from emo2vec_plugins.testing import FakeBackend, check_session

BARE = Plugins(installed=False)


def turn(name, start, duration, **more):
    return SupervisionSegment(name, "rec", start, duration, **more)


def annotated(cuts, *, plugins=BARE, granularity="utterance", supervisions=None, **options):
    engine = Engine(FakeBackend(), granularity=granularity)
    chosen = Options(**options)
    return list(
        annotate_cuts(
            cuts, score=engine, options=chosen, plugins=plugins, supervisions=supervisions
        )
    )


@pytest.fixture
def recording(noise, write):
    return Recording.from_file(write("rec.wav", noise(16_000 * 6), 16_000))


@pytest.fixture
def cut(recording):
    whole = recording.to_cut()
    whole.supervisions = [
        turn("a", 0.5, 2.0, speaker="A", custom={"mood": "fine"}),
        turn("b", 2.0, 2.5, speaker="B"),
    ]
    return whole


def scores_alone(recording, start, end):
    source = recording.sources[0].source
    return Engine(FakeBackend()).score(source, [Turn(start=start, end=end)])[0].scores


def test_every_turn_has_the_same_emotion_as_if_scored_alone(cut, recording):
    first, second = annotated([cut])[0].supervisions

    assert first.emotion_scores == scores_alone(recording, 0.5, 2.5)
    assert second.emotion_scores == scores_alone(recording, 2.0, 4.5)
    assert first.emotion == max(first.emotion_scores, key=first.emotion_scores.get)
    assert first.emotion_score == max(first.emotion_scores.values())
    assert first.emotion_model == "fake@000000000000"
    assert first.emotion_flags == ["overlapped"]
    assert first.emotion_overlap_ratio == 0.25
    assert first.emotion_reason is None
    assert first.mood == "fine"


def test_the_given_cuts_are_not_changed(cut):
    mixed = cut.append(cut)
    before = copy.deepcopy((cut, mixed))

    annotated([cut, mixed], embeddings=True)

    assert (cut, mixed) == before


def test_annotated_cuts_are_equal_after_a_round_trip_through_json(cut, tmp_path):
    cuts = CutSet.from_cuts(annotated([cut, cut.pad(10.0), cut.drop_supervisions()]))

    cuts.to_file(tmp_path / "cuts.jsonl.gz")

    again = CutSet.from_file(tmp_path / "cuts.jsonl.gz")
    lhotse.validate(again)
    assert list(again) == list(cuts)


def test_a_turn_that_cannot_be_scored_has_the_field_and_the_reason(cut):
    cut.supervisions = [turn("short", 1.0, 0.01), turn("empty", 2.0, 0.0), turn("late", 9.0, 1.0)]

    short, empty, late = annotated([cut])[0].supervisions

    assert [s.emotion for s in (short, empty, late)] == [None, None, None]
    assert "too short: 160 samples" in short.emotion_reason
    assert late.emotion_flags == ["short", "clipped"]
    assert json.loads(json.dumps(short.to_dict()))["custom"]["emotion"] is None


def test_an_existing_label_is_replaced_only_on_request(cut):
    cut.supervisions[0].custom["emotion"] = "bored"
    cut.supervisions[0].custom["emotion_score"] = "by hand"

    with pytest.warns(Emo2vecWarning, match="cut 'rec' has 'bored'"):
        kept, new = annotated([cut])[0].supervisions
    replaced = annotated([cut], overwrite=True)[0].supervisions[0]

    assert kept.custom == {
        "mood": "fine",
        "emotion": "bored",
        "emotion_score": "by hand",
        "emotion_scores": None,
        "emotion_flags": [],
        "emotion_reason": None,
        "emotion_overlap_ratio": None,
        "emotion_doubt": None,
        "emotion_model": None,
    }
    assert new.emotion is not None
    assert replaced.emotion != "bored"
    assert isinstance(replaced.emotion_score, float)
    assert replaced.mood == "fine"


@pytest.mark.parametrize("blank", [None, "", " "])
def test_a_blank_label_is_replaced(cut, blank):
    cut.supervisions[0].custom["emotion"] = blank

    assert annotated([cut])[0].supervisions[0].emotion in FakeBackend.labels.names


def test_kept_labels_raise_one_warning_at_the_line_that_reads_results(cut):
    cut.supervisions[0].custom["emotion"] = "bored"
    results = annotate_cuts([cut, cut, cut], score=Engine(FakeBackend()), plugins=BARE)

    with pytest.warns(Emo2vecWarning) as caught:
        list(results)

    [warning] = caught
    assert warning.filename == __file__
    for fact in ("'emotion'", "cut 'rec' has 'bored'", "field=", "overwrite=True"):
        assert fact in str(warning.message)


def test_labelled_turns_are_not_scored_again(cut):
    done = annotated([cut])
    backend = FakeBackend()

    with pytest.warns(Emo2vecWarning, match="in 'emotion' are kept"):
        again = list(annotate_cuts(done, score=Engine(backend), plugins=BARE))

    assert again == done
    assert backend.batches == []


def test_a_labelled_turn_gets_only_the_arrays_it_lacks(cut):
    cut.supervisions[0].custom["emotion"] = "bored"

    with pytest.warns(Emo2vecWarning, match="in 'emotion' are kept"):
        first = annotated([cut], embeddings=True)[0].supervisions[0]

    assert (first.emotion, first.emotion_score, first.emotion_model) == ("bored", None, None)
    assert first.load_emotion_embedding().shape == (4,)


def test_a_new_label_removes_the_old_arrays(cut):
    with_arrays = annotated([cut], embeddings=True)

    renewed = annotated(with_arrays, overwrite=True)[0].supervisions[0]

    assert "emotion_embedding" not in renewed.custom


def test_another_prefix_keeps_existing_labels(cut):
    cut.supervisions[0].custom["emotion"] = "bored"

    first = annotated([cut], field="machine")[0].supervisions[0]

    assert first.emotion == "bored"
    assert first.machine in ("angry", "happy", "neutral", "sad", "unknown")
    assert first.machine_reason is None


def test_a_cut_without_supervisions_is_one_turn(recording):
    whole = annotated([recording.to_cut()], embeddings=True)[0]

    assert whole.supervisions == []
    assert whole.emotion_scores == scores_alone(recording, 0.0, 6.0)
    assert whole.load_emotion_embedding().shape == (4,)


def test_a_cut_without_audio_gets_a_reason(cut):
    silent = fastcopy(cut, recording=None)
    padding = PaddingCut("pad", 1.0, 16_000, feat_value=0.0, num_samples=16_000)

    first, second = annotated([silent, padding])

    assert [s.emotion_reason for s in first.supervisions] == ["MonoCut 'rec' has no recording"] * 2
    assert (second.id, second.custom["emotion"]) == ("pad", None)


def test_turns_of_a_mixture_are_distinct_even_if_ids_repeat(cut):
    other = fastcopy(cut, start=1.0, duration=5.0)
    mixed = cut.append(other)

    result = annotated([mixed], embeddings=True)[0]

    assert isinstance(result, MixedCut)
    assert [s.id for s in result.supervisions] == ["a", "b", "a", "b"]
    alone = [s for c in annotated([cut, other]) for s in c.supervisions]
    assert [s.emotion_scores for s in result.supervisions] == [s.emotion_scores for s in alone]
    arrays = [s.load_emotion_embedding() for s in result.supervisions]
    assert not np.array_equal(arrays[0], arrays[2])


@pytest.mark.parametrize("overlap", ["keep", "exclude"])
def test_padding_a_cut_changes_no_emotion(cut, overlap):
    plain, padded = annotated([cut, cut.pad(20.0, direction="both")], overlap=overlap)

    assert [s.emotion_scores for s in padded.supervisions] == [
        s.emotion_scores for s in plain.supervisions
    ]


def test_a_turn_of_a_mixture_is_not_scored_in_the_next_track(cut, recording):
    first = cut.truncate(duration=3.0)
    mixed = first.append(cut)

    late = annotated([mixed])[0].supervisions[1]

    assert late.emotion_scores == scores_alone(recording, 2.0, 3.0)
    assert "clipped" in late.emotion_flags


def test_speakers_of_two_tracks_overlap(recording):
    one, two = recording.to_cut(), recording.to_cut()
    one.supervisions = [turn("a", 0.0, 2.0, speaker="A")]
    two.supervisions = [turn("b", 0.0, 2.0, speaker="B")]

    first, second = annotated([one.mix(two, offset_other_by=1.5)])[0].supervisions

    assert first.emotion_overlap_ratio == second.emotion_overlap_ratio == 0.25


def test_a_muted_track_is_left_alone(cut):
    mixed = cut.mix(cut)
    mixed.tracks[1] = fastcopy(mixed.tracks[1], mute=True)

    result = annotated([mixed])[0]

    assert result.tracks[0].cut.supervisions[0].emotion is not None
    assert result.tracks[1].cut == cut


def test_a_mixture_without_supervisions_gets_a_label_but_no_arrays(recording):
    mixed = recording.to_cut().pad(10.0)

    with pytest.warns(Emo2vecWarning, match=f"{mixed.id}.* arrays"):
        result = annotated([mixed], embeddings=True)[0]

    assert result.emotion in ("angry", "happy", "neutral", "sad", "unknown")
    assert not result.has_custom("emotion_embedding")


def test_recordings_with_supervisions_are_cuts_with_all_their_turns(recording):
    other = fastcopy(recording, id="other")
    turns = SupervisionSet.from_segments(
        [
            turn("a", 1.0, 1.0),
            turn("late", 5.5, 3.0),
            replace(turn("c", 0.0, 1.0), recording_id="x"),
        ]
    )

    with pytest.warns(Emo2vecWarning, match=r"1 supervision.*'x'"):
        first, second = annotated(
            RecordingSet.from_recordings([recording, other]), supervisions=turns
        )

    assert [s.id for s in first.supervisions] == ["a", "late"]
    assert second.emotion is not None


def test_supervisions_without_recordings_are_rejected(cut):
    with pytest.raises(OptionsError, match=r"RecordingSet.* MonoCut"):
        annotated([cut], supervisions=SupervisionSet.from_segments([]))


def test_a_path_is_rejected_as_cuts(tmp_path):
    with pytest.raises(OptionsError, match=r"CutSet\.from_file\('cuts\.jsonl'\)"):
        annotate_cuts("cuts.jsonl", score=Engine(FakeBackend()))


def test_frames_need_an_engine_that_keeps_them(cut):
    with pytest.raises(OptionsError, match="granularity='frame'"):
        annotate_cuts([cut], score=Engine(FakeBackend()), options=Options(frames=True))


def test_cuts_are_read_no_further_ahead_than_batches(recording):
    pulled = []

    def endless():
        while True:
            pulled.append(1)
            yield recording.to_cut()

    engine = Engine(FakeBackend(), batch_seconds=18)
    results = iter(annotate_cuts(endless(), score=engine, plugins=BARE))

    for count in range(1, 20):
        next(results)
        assert len(pulled) <= count + 4 + 60 / 6
    results.close()


def test_clips_of_different_cuts_share_a_batch(recording):
    backend = FakeBackend()

    list(
        annotate_cuts(
            [recording.to_cut()] * 4, score=Engine(backend, batch_seconds=12), plugins=BARE
        )
    )

    assert backend.batches == [[96_000, 96_000], [96_000, 96_000]]


def test_excluded_overlap_changes_the_scores(cut):
    kept = annotated([cut])[0].supervisions[0]
    alone = annotated([cut], overlap="exclude")[0].supervisions[0]

    assert kept.emotion_scores != alone.emotion_scores


def test_a_plugin_may_replace_how_cuts_are_opened(cut):
    class Renames:
        @hookimpl
        def emo2vec_open(self, source, options):
            return CutSession(fastcopy(source, id="mine"), options)

    assert annotated([cut], plugins=Plugins([Renames()], installed=False))[0].id == "mine"


def test_a_failed_cut_gets_the_error_as_reason(cut):
    class Breaks:
        @hookimpl
        def emo2vec_open(self, source, options):
            if source.id == "bad":
                raise RuntimeError("no luck")

    labelled = fastcopy(cut.supervisions[1], custom={"emotion": "calm"})
    bad = fastcopy(cut, id="bad", supervisions=[cut.supervisions[0], labelled])
    with (
        pytest.warns(Emo2vecWarning, match="no luck"),
        pytest.warns(Emo2vecWarning, match="in 'emotion' are kept"),
    ):
        first, second = annotated([bad, cut], plugins=Plugins([Breaks()], installed=False))

    assert "no luck" in first.supervisions[0].emotion_reason
    assert first.supervisions[0].emotion is None
    assert (first.supervisions[1].emotion, first.supervisions[1].emotion_reason) == ("calm", None)
    assert second.supervisions[0].emotion is not None


def test_sessions_pass_the_checks_for_plugins(cut):
    finished = check_session(CutSession(cut.append(cut), Options()))

    assert [s.emotion for s in finished.supervisions] == ["neutral"] * 4


def test_a_human_label_on_a_cut_is_kept(recording):
    labelled = MonoCut("c", 0.0, 2.0, 0, recording=recording, custom={"emotion": "calm"})

    with pytest.warns(Emo2vecWarning, match="cut 'c' has 'calm'"):
        [kept] = annotated([labelled])

    assert (kept.emotion, kept.emotion_score) == ("calm", None)
    assert labelled.custom == {"emotion": "calm"}


def test_ami_excerpts_are_annotated_turn_for_turn(shared):
    path = shared / "conversations"
    recordings = RecordingSet.from_recordings(
        Recording.from_file(path / f"{name}.wav") for name in ("trn01", "trn02")
    )
    turns = SupervisionSet.from_rttm(path / "debug.train.rttm")
    own = [s for s in turns if s.recording_id in ("trn01", "trn02")]

    cuts = annotated(recordings, supervisions=SupervisionSet.from_segments(own))

    found = [s for cut in cuts for s in cut.supervisions]
    assert len(found) == len(own) > 5
    assert {s.id for s in found} == {s.id for s in own}
    assert all(s.emotion or s.emotion_reason for s in found)


def test_a_single_cut_is_rejected(cut):
    with pytest.raises(SourceError, match="MonoCut"):
        annotate_cuts(cut, score=Engine(FakeBackend()))


@pytest.mark.parametrize("wrong", [{"score": "tiny"}, {"score": FakeBackend()}])
def test_a_model_is_rejected_as_scorer(cut, wrong):
    with pytest.raises(OptionsError, match=r"Engine\("):
        annotate_cuts([cut], **wrong)


def test_a_mapping_is_rejected_as_options(cut):
    with pytest.raises(OptionsError, match=r"options .*dict"):
        annotate_cuts([cut], score=Engine(FakeBackend()), options={"field": "x"})
