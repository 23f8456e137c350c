"""Dialogues for tests of formats: ordinary ones and ones with difficult names."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from emo2vec_plugins import Dialogue, Emotion, Provenance, ScoredTurn, Turn
from emo2vec_plugins.core.labels import EMOTIONS
from emo2vec_plugins.core.values import FLAGS

HARD_NAMES = (
    *(
        "",
        " ",
        "a b",
        "a\tb",
        "a\nb",
        "a\r\nb",
        "\\",
        "%",
        "%20",
        "a%20b",
        "?",
        "#2",
        "A#2",
        "A (2)",
    ),
    *(
        '"',
        "'",
        'say "so"',
        "<script>",
        "</v>",
        "a<b>&c;",
        "&amp;",
        "]]>",
        "-->",
        "A --> B",
        "<!--",
    ),
    *(
        "emotion@A",
        "@",
        "a,b",
        "a;b",
        "a:b",
        "a+b",
        "None",
        "nan",
        "NA",
        "unscored",
        "withheld",
        "-",
        "\u2028",
    ),
    *("MÉO069", "مريم", "\u202eabc", "🙂", "e\u0301", "é", "\ufeffA", "NOTE", "WEBVTT"),
)

PROVENANCE = Provenance(model="tiny", sha256="ab", tokens=("生气/angry",), version="0.1.0")

scores = st.floats(0, 1).map(lambda value: round(value, 6))
names = st.sampled_from(HARD_NAMES) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5
)
seconds = st.integers(0, 7_200_000).map(lambda milliseconds: milliseconds / 1000)


def _emotions(labels: st.SearchStrategy[str]) -> st.SearchStrategy[Emotion]:
    said = st.builds(
        lambda label, distribution, flags, ratio, doubt: Emotion(
            label=label,
            score=distribution.get(label, 0.5),
            scores=distribution,
            logits={name: 4 * value - 2 for name, value in distribution.items()},
            flags=flags,
            duration=1.5,
            overlap_ratio=ratio,
            doubt=doubt,
            provenance=PROVENANCE,
        ),
        labels,
        st.dictionaries(labels, scores, max_size=4),
        st.lists(st.sampled_from(FLAGS), unique=True).map(
            lambda chosen: tuple(flag for flag in FLAGS if flag in chosen)
        ),
        st.none() | scores,
        st.none() | scores,
    )
    withheld = said.map(
        lambda emotion: replace(
            emotion, label=None, score=None, reason="withheld: doubt 0.83 is above 0.60"
        )
    )
    return said | withheld | st.builds(Emotion, reason=st.none() | st.just("too short: 0.01 s"))


def _turns(speakers: st.SearchStrategy[str | None]) -> st.SearchStrategy[Turn]:
    return st.builds(
        lambda start, length, speaker, channel: Turn(
            start=start, end=start + length, speaker=speaker, channel=channel
        ),
        seconds,
        st.sampled_from([0.0, 0.0001, 0.01, 0.5, 1.2345678, 31.0]),
        speakers,
        st.none() | st.integers(0, 7),
    )


def dialogues(
    *,
    speakers: st.SearchStrategy[str | None],
    labels: st.SearchStrategy[str],
    recordings: st.SearchStrategy[str],
    most: int = 1,
) -> st.SearchStrategy[list[Dialogue]]:
    """Return lists of one to *most* dialogues with unique names and at least one turn each."""
    scored = st.builds(ScoredTurn, turn=_turns(speakers), emotion=_emotions(labels))
    return st.lists(
        st.builds(
            Dialogue,
            recording=recordings,
            turns=st.lists(scored, min_size=1, max_size=6).map(tuple),
            audio=st.none() | st.sampled_from(["talk.wav", "sound/a talk.wav"]),
            duration=st.none() | seconds,
        ),
        min_size=1,
        max_size=most,
        unique_by=lambda dialogue: dialogue.recording,
    )


ordinary = dialogues(
    speakers=st.sampled_from(["SPEAKER_00", "SPEAKER_01", "MÉO069"]),
    labels=st.sampled_from(EMOTIONS),
    recordings=st.sampled_from(["talk", "ES2011a"]),
)
"""Typical output of diarization; every format must support it."""

hard = dialogues(
    speakers=st.none() | names,
    labels=names,
    recordings=names,
)
"""Unusual names; a format must store them or raise a clear error."""
