// All that is known of the turn that is chosen.

function showDetails() {
  const turn = state.chosen;
  const place = byId("detail");
  if (turn === null) {
    const hint = turns.length ? "Press a turn, or J, to see what is known of it." : "There are no turns.";
    place.replaceChildren(make("p", { class: "muted" }, hint));
    return;
  }
  place.replaceChildren(heading(turn), actions(turn), facts(turn), ...classes(turn));
}

function heading(turn) {
  const score = turn.score === null ? "" : ` ${turn.score.toFixed(3)}`;
  return make("p", {}, swatch(turn.label), " ", make("b", {}, named(labelOf(turn))), score, ", ",
    named(speakers[turn.speaker].name));
}

function actions(turn) {
  const beyond = turn.start >= soundEnd() || turn.end <= 0;
  return make("div", { class: "buttons" },
    make("button", { type: "button", id: "play-turn", disabled: !heard.possible || beyond, onclick: () => playTurn(turn) },
      "Play turn"),
    make("button", { type: "button", onclick: () => zoomTo(turn) }, "Zoom to it"));
}

function facts(turn) {
  const model = turn.model === null ? null : data.models[turn.model].find(([name]) => name === "model");
  const known = [
    ["when", `${clock(turn.start, 3)} to ${clock(turn.end, 3)}`],
    ["length", `${(turn.end - turn.start).toFixed(3)} s`],
    ["scored", turn.scored > 0 ? `${turn.scored.toFixed(3)} s of it` : null],
    ["channel", turn.channel],
    ["overlap", turn.overlap === null ? null : `${percent(turn.overlap)} of it with other speakers`],
    ["no label", turn.reason === null ? null : reasonOf(turn)],
    ["sound", placeInSound(turn)],
    ["model", data.models.length > 1 && model ? model[1] : null],
    ...turn.flags.map((flag) => [data.flags[flag].name, data.flags[flag].meaning]),
  ];
  return make("dl", { class: "detail-facts" }, ...known
    .filter(([, value]) => value !== null)
    .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, named(value))]));
}

/** What of a turn cannot be heard; null if all of it can. */
function placeInSound(turn) {
  if (data.duration === null) return null;
  const beyond = turn.end > data.duration + 0.02;
  if (!beyond && turn.start >= -0.02) return null;
  const length = clock(data.duration, 3);
  return beyond ? `the turn goes beyond the sound, which ends at ${length}` : "the turn begins before the sound";
}

function classes(turn) {
  if (turn.scores === null) return [];
  const told = data.classes.map((label, column) => ({ label, score: turn.scores[column] }));
  return told
    .filter(({ score }) => score !== null)
    .sort((one, other) => other.score - one.score)
    .map(({ label, score }) => {
      const bar = make("span");
      bar.style.width = `${100 * clamp(score, 0, 1)}%`;
      bar.style.backgroundColor = labels[label].colour;
      bar.className = labels[label].texture;
      return make("div", { class: "class" },
        make("span", { class: "name" }, named(labels[label].name)),
        make("span", { class: "bar", "aria-hidden": "true" }, bar),
        make("span", { class: "numbers" }, score.toFixed(3)));
    });
}

function startDetails() {
  on("chosen", showDetails);
  showDetails();
}
