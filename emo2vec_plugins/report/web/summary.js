// What holds for the recording as a whole: its facts, its speakers, its flags, where it is from.

function showFacts() {
  byId("title").append(named(data.recording));
  const unscored = turns.filter((turn) => turn.label === null).length;
  const parts = [counted(turns.length, "turn"), counted(speakers.length, "speaker")];
  if (unscored) parts.push(`${unscored.toLocaleString("en")} unscored`);
  if (data.duration !== null) parts.push(clock(data.duration));
  byId("facts").textContent = parts.join(", ");
}

/** Every emotion with its colour; those that have a curve are buttons that show or hide it. */
function showKey() {
  const items = labels.map((label, index) => keyItem(index, `${label.turns.toLocaleString("en")}`));
  const unscored = turns.filter((turn) => turn.label === null).length;
  if (unscored) items.push(keyItem(null, unscored.toLocaleString("en")));
  byId("key").replaceChildren(...items);
}

function keyItem(index, count) {
  const name = index === null ? "unscored" : labels[index].name;
  const parts = [swatch(index), named(name), make("span", { class: "muted" }, count)];
  if (index === null || !data.classes.includes(index)) return make("span", { class: "still" }, ...parts);
  const button = make("button", { type: "button", "aria-pressed": "true", onclick: () => toggle(index, button) }, ...parts);
  return button;
}

function toggle(index, button) {
  if (!state.curves.delete(index)) state.curves.add(index);
  button.setAttribute("aria-pressed", String(state.curves.has(index)));
  emit("curves");
}

const HEAD = ["speaker", "talks", "turns", "unscored", "changes", "mean score", "share of the time"];

function showSpeakers() {
  const head = HEAD.map((name, i) => make("th", { scope: "col", class: i > 0 && i < 6 ? "number" : "" }, name));
  byId("speakers").append(
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...speakers.map(speakerRow)));
}

function speakerRow(speaker) {
  const numbers = [
    clock(speaker.seconds, 1),
    speaker.turns.toLocaleString("en"),
    speaker.unscored.toLocaleString("en"),
    speaker.changes.toLocaleString("en"),
    speaker.score === null ? "" : speaker.score.toFixed(2),
  ];
  return make("tr", {},
    make("td", {}, named(speaker.name)),
    ...numbers.map((number) => make("td", { class: "number" }, number)),
    make("td", {}, ...mix(speaker)));
}

function mix(speaker) {
  const parts = [...speaker.emotions];
  if (speaker.unscored) parts.push([null, speaker.unscoredSeconds]);
  const share = (seconds) => (speaker.seconds > 0 ? seconds / speaker.seconds : 0);
  const bar = make("div", { class: "mix", "aria-hidden": "true" }, ...parts.map(([label, seconds]) => {
    const part = swatch(label);
    part.className = label === null ? "hatched" : labels[label].texture;
    part.style.width = `${100 * share(seconds)}%`;
    return part;
  }));
  const words = parts.flatMap(([label, seconds], i) => [
    i ? ", " : "",
    named(label === null ? "unscored" : labels[label].name),
    ` ${percent(share(seconds))}`,
  ]);
  return [bar, make("span", {}, ...words)];
}

function showFlags() {
  const reasons = data.reasons.map((reason, index) => {
    const number = turns.filter((turn) => turn.reason === index).length;
    return [reason, `${counted(number, "turn")} without a label`];
  });
  const flags = data.flags.map(({ name, meaning, turns: number }) => [name, `${counted(number, "turn")}: ${meaning}`]);
  const found = [...flags, ...reasons];
  if (!found.length) found.push(["none", "No turn is flagged, and each has a label, or its model has none to give."]);
  byId("flags").append(...definitions(found));
}

function definitions(pairs) {
  return pairs.flatMap(([name, value]) => [make("dt", {}, named(name)), make("dd", {}, named(value))]);
}

function showOrigin() {
  if (!data.models.length) {
    byId("origin").append(make("p", {}, "The annotations do not say which model they are from."));
  }
  data.models.forEach((model, index) => {
    const number = turns.filter((turn) => turn.model === index).length;
    byId("origin").append(make("dl", {}, ...definitions([...model, ["turns", number.toLocaleString("en")]])));
  });
}

function startSummary() {
  showFacts();
  showKey();
  showSpeakers();
  showFlags();
  showOrigin();
}
