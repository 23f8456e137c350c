"""Arrays of annotated cuts, loaded again after transforms of the cuts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lhotse import (
    CutSet,
    LilcomChunkyWriter,
    NumpyFilesWriter,
    NumpyHdf5Writer,
    Recording,
    SupervisionSegment,
)
from lhotse.features.io import close_cached_file_handles
from lhotse.utils import compute_num_frames_from_samples, fastcopy
from support.facts import assert_facts

from emo2vec_plugins import Engine, Options, Plugins, Turn, annotate_cuts
from emo2vec_plugins.engine.windows import frame_count
from emo2vec_plugins.errors import InvalidTurnError, OptionsError
from emo2vec_plugins.integrations.lhotse.arrays import (
    lhotse_frame_count,
    pad_to_lhotse,
    turn_frames,
)
from emo2vec_plugins.testing import FakeBackend

BARE = Plugins(installed=False)
ENGINE = Engine(FakeBackend(), granularity="frame")
WRITERS = {
    "lilcom": (LilcomChunkyWriter, 0.02),
    "hdf5": (NumpyHdf5Writer, 0),
    "files": (NumpyFilesWriter, 0),
}


@pytest.fixture(params=WRITERS)
def store(request, tmp_path):
    """Return a function from cuts to (cuts of a written manifest, tolerance of their arrays)."""
    kind, tolerance = WRITERS[request.param]

    def keep(cuts, **options):
        with kind(str(tmp_path / "arrays")) as writer:
            chosen = Options(embeddings=True, frames=True, store=writer, **options)
            results = list(annotate_cuts(cuts, score=ENGINE, options=chosen, plugins=BARE))
        CutSet.from_cuts(results).to_file(tmp_path / "cuts.jsonl")
        return list(CutSet.from_file(tmp_path / "cuts.jsonl")), tolerance

    yield keep
    close_cached_file_handles()


@pytest.fixture
def cut(noise, write):
    whole = Recording.from_file(write("rec.wav", noise(16_000 * 8), 16_000)).to_cut()
    whole.supervisions = [
        SupervisionSegment("a", "rec", 1.0, 3.0, speaker="A"),
        SupervisionSegment("b", "rec", 4.5, 2.0, speaker="B"),
    ]
    return whole


def frames_of(cut, start, end):
    path = cut.recording.sources[0].source
    emotion = ENGINE.score(path, [Turn(start=start, end=end)])[0]
    return emotion.embedding, emotion.frame_embeddings


def close(values, expected, tolerance):
    assert values.shape == expected.shape
    np.testing.assert_allclose(values, expected, atol=tolerance, rtol=0)


def test_arrays_have_their_values_after_reload(cut, store):
    (kept,), tolerance = store([cut])
    embedding, frames = frames_of(cut, 1.0, 4.0)

    close(kept.supervisions[0].load_emotion_embedding(), embedding, tolerance)
    close(turn_frames(kept, kept.supervisions[0]), frames, tolerance)


def test_float16_is_kept_if_the_writer_keeps_types(cut, store):
    (kept,), tolerance = store([cut], array_dtype="float16")
    embedding, frames = frames_of(cut, 1.0, 4.0)
    values = turn_frames(kept, kept.supervisions[0])

    assert values.dtype == (np.float32 if tolerance else np.float16)
    close(values, frames, tolerance + 2e-3)
    close(kept.supervisions[0].load_emotion_embedding(), embedding, tolerance + 2e-3)


def test_truncating_keeps_the_frames_inside(cut, store):
    (kept,), tolerance = store([cut])
    frames = frames_of(cut, 1.0, 4.0)[1]

    inside = kept.truncate(offset=2.0, duration=1.5)
    twice = inside.truncate(offset=0.5)

    close(turn_frames(inside, inside.supervisions[0]), frames[50:125], tolerance)
    close(turn_frames(twice, twice.supervisions[0]), frames[75:125], tolerance)
    embedding = inside.supervisions[0].load_emotion_embedding()
    close(embedding, frames_of(cut, 1.0, 4.0)[0], tolerance)


def test_trimming_to_supervisions_keeps_the_frames_of_each(cut, store):
    (kept,), tolerance = store([cut])

    first, second = CutSet.from_cuts([kept]).trim_to_supervisions(keep_overlapping=False)

    close(turn_frames(first, first.supervisions[0]), frames_of(cut, 1.0, 4.0)[1], tolerance)
    close(turn_frames(second, second.supervisions[0]), frames_of(cut, 4.5, 6.5)[1], tolerance)


def test_trimming_the_supervision_itself_narrows_the_frames(cut, store):
    (kept,), tolerance = store([cut])
    frames = frames_of(cut, 1.0, 4.0)[1]

    inside = kept.truncate(offset=1.5, duration=2.0)
    trimmed = inside.map_supervisions(lambda s: s.trim(end=inside.duration))

    close(turn_frames(trimmed, trimmed.supervisions[0]), frames[25:125], tolerance)


def test_padding_mixing_and_appending_change_no_frame(cut, store):
    (kept,), tolerance = store([cut])
    frames = frames_of(cut, 1.0, 4.0)[1]

    padded = kept.pad(20.0, direction="both")
    mixed = kept.truncate(offset=2.0).append(kept)

    close(turn_frames(padded, padded.supervisions[0]), frames, tolerance)
    close(turn_frames(mixed, mixed.supervisions[0]), frames[50:], tolerance)
    close(turn_frames(mixed, mixed.supervisions[2]), frames, tolerance)


def test_frames_of_a_mixture_can_be_loaded_from_its_tracks(cut, store):
    (kept,), tolerance = store([cut.pad(20.0, direction="left")])
    frames = frames_of(cut, 1.0, 4.0)[1]
    track = kept.tracks[-1].cut

    close(turn_frames(kept, kept.supervisions[0]), frames, tolerance)
    close(turn_frames(track, track.supervisions[0]), frames, tolerance)


def test_frames_of_a_truncated_turn_start_with_the_cut(cut, store):
    (kept,), tolerance = store([cut.truncate(offset=2.0)])

    close(turn_frames(kept, kept.supervisions[0]), frames_of(cut, 2.0, 4.0)[1], tolerance)
    assert kept.supervisions[0].emotion_frames_start == 2.0


def test_frames_of_a_whole_cut_follow_it(cut, store):
    (kept,), tolerance = store([cut.drop_supervisions().truncate(offset=1.0, duration=4.0)])
    frames = frames_of(cut, 1.0, 5.0)[1]
    counted = np.concatenate([frames, frames[-1:]])

    close(kept.load_emotion_frames(), counted, tolerance)
    inside = kept.truncate(offset=1.0, duration=2.0)
    close(inside.load_emotion_frames(), counted[50:150], tolerance)
    padded = kept.pad(6.0, pad_value_dict={"emotion_frames": 0})
    close(padded.load_emotion_frames()[:200], counted, tolerance)
    assert padded.load_emotion_frames().shape == (300, 4)


def test_a_turn_outside_of_its_cut_has_no_frames(cut, store):
    (kept,), _ = store([cut])
    early = fastcopy(kept, duration=0.5)

    assert turn_frames(early, kept.supervisions[0]).shape == (0, 4)


def test_equal_cuts_have_separate_arrays(cut, store):
    (first, second), tolerance = store([cut, cut])

    one, two = (c.supervisions[0].emotion_embedding for c in (first, second))
    assert one.storage_key != two.storage_key
    close(one.load(), two.load(), tolerance)


def test_ids_never_become_paths(cut, tmp_path):
    folder = tmp_path / "deep" / "store"
    bad = fastcopy(cut, id="../../../outside")

    with NumpyFilesWriter(folder) as writer:
        options = Options(embeddings=True, store=writer)
        list(annotate_cuts([bad], score=ENGINE, options=options, plugins=BARE))

    assert {p.parents[1] for p in tmp_path.rglob("*.npy")} == {folder}


def test_loading_frames_that_were_never_stored_is_an_error(cut):
    with pytest.raises(OptionsError, match=r"'a' .*Options\(frames=True\)"):
        turn_frames(cut, cut.supervisions[0])


def test_frames_of_a_moved_cut_are_rejected(cut, store):
    (kept,), _ = store([cut])
    inside = kept.truncate(offset=4.5)
    moved = fastcopy(inside, start=0.0)

    with pytest.raises(InvalidTurnError, match=r"moved: .* 0\.000 to 2\.000 s.* 4\.500 to 6\."):
        turn_frames(moved, moved.supervisions[0])


def test_a_supervision_of_another_mixture_is_rejected(cut, store):
    (kept,), _ = store([cut])

    with pytest.raises(OptionsError, match="'other'"):
        turn_frames(cut.pad(9.0), fastcopy(kept.supervisions[0], id="other"))


@given(samples=st.integers(400, 200_000))
def test_lhotse_expects_as_many_frames_as_the_model_gives_or_one_more(samples):
    counted = lhotse_frame_count(samples, rate=16_000)

    assert counted == compute_num_frames_from_samples(samples, 0.02, 16_000)
    assert counted - frame_count(samples) in (0, 1)


def test_the_last_frame_is_repeated_only_if_lhotse_expects_one_more():
    frames = np.arange(4.0)[:, None]

    assert pad_to_lhotse(frames, samples=320 * 4 + 100, rate=16_000).tolist() == frames.tolist()
    assert pad_to_lhotse(frames, samples=320 * 4 + 160, rate=16_000)[-2:].tolist() == [[3.0], [3.0]]


def test_a_path_is_not_a_store():
    with pytest.raises(OptionsError) as caught:
        Options(embeddings=True, store="a.lca")

    assert_facts(str(caught.value), "'a.lca'", "store=PATH", "annotate_manifest")
