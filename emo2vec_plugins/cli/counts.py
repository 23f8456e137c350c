"""The table at the end of a command: turns per emotion, per speaker, and without a label."""

from __future__ import annotations

from collections import Counter, defaultdict

from emo2vec_plugins.cli.output import LISTED, echo, print_table
from emo2vec_plugins.core import EMOTIONS, Dialogue, counted, is_withheld, kind_of_reason

NO_LABEL, WITHHELD = "(no label)", "(withheld)"
OTHER_REASONS = "(other reasons)"
SHOWN_SPEAKERS = 20


class EmotionCounts:
    """Counts turns as they are done, and prints them as tables.

    Memory grows with the number of speakers, not of turns: only the first ten kinds of reasons
    are counted apart.
    """

    def __init__(self) -> None:
        self._turns: defaultdict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
        self._spoken: defaultdict[tuple[str, str | None], float] = defaultdict(float)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._reasons: Counter[str] = Counter()

    def add_dialogue(self, dialogue: Dialogue) -> None:
        """Count every turn of a recording."""
        for scored in dialogue.turns:
            turn, emotion = scored.turn, scored.emotion
            self.add(
                emotion.label,
                seconds=turn.end - turn.start,
                speaker=turn.speaker,
                recording=dialogue.recording,
                reason=emotion.reason,
            )

    def add(
        self,
        label: str | None,
        *,
        seconds: float,
        speaker: str | None,
        recording: str = "",
        reason: str | None = None,
    ) -> None:
        """Count one turn.

        Args:
            label: Its emotion, if it has one.
            seconds: Its duration.
            speaker: Its speaker, if known.
            recording: Set it where equal names in two recordings are two speakers.
            reason: Why it has no label.
        """
        name = label or (WITHHELD if is_withheld(reason) else NO_LABEL)
        self._turns[recording, speaker][name] += 1
        self._spoken[recording, speaker] += seconds
        self._seconds[name] += seconds
        if name == NO_LABEL and reason is not None:
            kind = kind_of_reason(reason)
            known = kind in self._reasons or len(self._reasons) < LISTED
            self._reasons[kind if known else OTHER_REASONS] += 1

    def print(self) -> None:
        """Print the tables to stdout; nothing without turns."""
        turns = sum(self._turns.values(), Counter())
        if not turns:
            return
        self._print_emotions(turns)
        if any(speaker is not None for _, speaker in self._turns):
            echo()
            self._print_speakers()
        if self._reasons:
            echo()
            kinds = sorted(
                self._reasons, key=lambda kind: (kind == OTHER_REASONS, -self._reasons[kind])
            )
            rows = [(kind, str(self._reasons[kind])) for kind in kinds]
            print_table(("no label because", "turns"), rows)

    def _print_emotions(self, turns: Counter[str]) -> None:
        total = turns.total()
        rows = [
            (name, str(turns[name]), _percent(turns[name], total), f"{self._seconds[name]:.1f}")
            for name in sorted(turns, key=lambda name: (-turns[name], _order(name)))
        ]
        rows.append(
            ("all", str(total), _percent(total, total), f"{sum(self._seconds.values()):.1f}")
        )
        print_table(("emotion", "turns", "share", "seconds"), rows)

    def _print_speakers(self) -> None:
        several = len({recording for recording, _ in self._turns}) > 1
        places = sorted(self._turns, key=lambda place: -self._spoken[place])
        rows = []
        for place in places[:SHOWN_SPEAKERS]:
            recording, speaker = place
            name = (recording, speaker or "(unknown)") if several else (speaker or "(unknown)",)
            turns = self._turns[place]
            shares = [f"{label} {_percent(n, turns.total())}" for label, n in turns.most_common()]
            seconds = f"{self._spoken[place]:.1f}"
            rows.append((*name, str(turns.total()), seconds, ", ".join(shares)))
        columns = ("recording", "speaker") if several else ("speaker",)
        print_table((*columns, "turns", "seconds", "emotions, by turns"), rows)
        if len(places) > SHOWN_SPEAKERS:
            echo(f"and {counted(len(places) - SHOWN_SPEAKERS, 'more speaker')}")


def _order(name: str) -> int:
    return EMOTIONS.index(name) if name in EMOTIONS else len(EMOTIONS)


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}"
