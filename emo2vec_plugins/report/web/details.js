// The details of the selected turn.

const NEARLY = 0.02; // seconds that a turn may extend beyond the audio without a note

function showDetails() {
  const turn = state.chosen;
  byId("turn-actions").hidden = turn === null;
  if (turn === null) {
    const hint = turns.length ? "Select a turn for details." : "This recording has no turns.";
    byId("detail").replaceChildren(make("p", { class: "muted" }, hint));
    return;
  }
  byId("play-turn").disabled = !playback.possible || isBeyondAudio(turn);
  byId("detail").replaceChildren(headingOf(turn), factsOf(turn), ...classesOf(turn));
}

function headingOf(turn) {
  const score = turn.score === null ? "" : ` ${turn.score.toFixed(3)}`;
  return make("p", {}, swatch(turn.label), " ", make("b", {}, named(labelOf(turn))), score, ", ",
    named(speakers[turn.speaker].name));
}

function factsOf(turn) {
  const model = turn.model === null ? null : data.models[turn.model].find(([name]) => name === "model");
  const known = [
    ["time", `${clock(turn.start, 3)} to ${clock(turn.end, 3)}`],
    ["duration", `${(turn.end - turn.start).toFixed(3)} s`],
    ["scored", turn.scored > 0 ? `${turn.scored.toFixed(3)} s` : null],
    ["channel", turn.channel],
    ["overlap", turn.overlap === null ? null : `${percent(turn.overlap)} with other speakers`],
    ["doubt", turn.doubt === null ? null : `${percent(turn.doubt)} that the most probable emotion is wrong`],
    ["no label", reasonOf(turn) || null],
    ["audio", placeInAudio(turn)],
    ["model", data.models.length > 1 && model ? model[1] : null],
    ...turn.flags.map((flag) => [data.flags[flag].name, data.flags[flag].meaning]),
  ];
  return make("dl", { class: "detail-facts" }, ...definitions(known.filter(([, value]) => value !== null)));
}

/** A note if the turn extends beyond the audio; otherwise null. */
function placeInAudio(turn) {
  const end = data.sound.seconds ?? data.duration;
  if (end !== null && turn.end > end + NEARLY) return `the turn extends beyond the audio, which ends at ${clock(end, 3)}`;
  return turn.start < -NEARLY ? "the turn begins before the audio" : null;
}

function classesOf(turn) {
  if (turn.scores === null) return [];
  const all = data.classes.map((label, column) => ({ label, score: turn.scores[column] }));
  return all
    .filter(({ score }) => score !== null)
    .sort((one, other) => other.score - one.score)
    .map(({ label, score }) => {
      const bar = make("span");
      bar.style.width = `${100 * clamp(score, 0, 1)}%`;
      paint(bar, label);
      return make("div", { class: "class" },
        make("span", { class: "name" }, named(labels[label].name)),
        make("span", { class: "bar", "aria-hidden": "true" }, bar),
        make("span", { class: "numbers" }, score.toFixed(3)));
    });
}

function startDetails() {
  byId("play-turn").addEventListener("click", replay);
  byId("zoom-turn").addEventListener("click", () => zoomTo(state.chosen));
  on("chosen sound", showDetails);
  showDetails();
}
