// The summary of the recording: facts, legend, speakers, flags and origin.

const MOST_KEYS = 40; // maximum emotions in the legend; with more, those with the most turns
const withheld = turns.filter((turn) => turn.withheld).length;
const unscored = turns.filter((turn) => turn.label === null).length - withheld;
const unlabelled = { withheld, unscored }; // numbers of turns without a label, by what stands in its place

function showFacts() {
  byId("title").append(named(data.recording));
  const parts = [counted(turns.length, "turn"), counted(speakers.length, "speaker")];
  for (const [name, number] of Object.entries(unlabelled)) {
    if (number) parts.push(`${number.toLocaleString("en")} ${name}`);
  }
  if (data.duration !== null) parts.push(clock(data.duration));
  byId("facts").textContent = parts.join(", ");
  byId("trust").textContent = data.trust.join("\n");
  byId("trust").hidden = !data.trust.length;
}

/** Show the legend; emotions with a curve are buttons that show or hide it. */
function showKey() {
  const all = [...labels.keys()];
  const often = all.length > MOST_KEYS ? all.sort((one, other) => labels[other].turns - labels[one].turns) : all;
  const items = often.slice(0, MOST_KEYS).map((index) => keyItem(index, labels[index].turns, labels[index].name));
  for (const [name, number] of Object.entries(unlabelled)) {
    if (number) items.push(keyItem(null, number, name));
  }
  if (all.length > MOST_KEYS) items.push(make("span", { class: "still" }, `and ${all.length - MOST_KEYS} more`));
  byId("key").replaceChildren(...items);
}

function keyItem(index, count, name) {
  const parts = [swatch(index), named(name), make("span", { class: "muted" }, count.toLocaleString("en"))];
  if (index === null || !data.classes.includes(index)) return make("span", { class: "still" }, ...parts);
  const button = make("button", { type: "button", "aria-pressed": "true", title: "Show or hide the curve" }, ...parts);
  button.addEventListener("click", () => toggleCurve(index, button));
  return button;
}

function toggleCurve(index, button) {
  if (!state.curves.delete(index)) state.curves.add(index);
  button.setAttribute("aria-pressed", String(state.curves.has(index)));
  emit("curves");
}

const HEAD = ["speaker", "talk time", "turns", "no label", "changes", "mean score", "share of talk time"];

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
    part.style.width = `${100 * share(seconds)}%`;
    return part;
  }));
  const words = parts.flatMap(([label, seconds], i) => [
    i ? ", " : "",
    named(label === null ? "no label" : labels[label].name),
    ` ${percent(share(seconds))}`,
  ]);
  return [bar, make("span", {}, ...words)];
}

function showFlags() {
  // Each withheld label has a reason with numbers of its own, so they are counted together.
  const numbers = countBy("reason", turns.filter((turn) => !turn.withheld));
  const reasons = data.reasons
    .map((reason, index) => [reason, `${counted(numbers[index] ?? 0, "turn")} without a label`])
    .filter((_, index) => numbers[index]);
  if (withheld) reasons.unshift(["withheld", `${counted(withheld, "turn")} whose label has too much doubt`]);
  const flags = data.flags.map(({ name, meaning, turns: number }) => [name, `${counted(number, "turn")}: ${meaning}`]);
  const found = [...flags, ...reasons];
  if (!found.length) found.push(["none", "No turn has a flag or a reason for a missing label."]);
  byId("flags").append(...definitions(found));
}

function definitions(pairs) {
  return pairs.flatMap(([name, value]) => [make("dt", {}, named(name)), make("dd", {}, named(value))]);
}

function showOrigin() {
  if (!data.models.length) {
    byId("origin").append(make("p", {}, "The annotations do not name a model."));
  }
  const numbers = countBy("model");
  data.models.forEach((model, index) => {
    const number = numbers[index].toLocaleString("en");
    byId("origin").append(make("dl", {}, ...definitions([...model, ["turns", number]])));
  });
}

/** The number of turns with each reason, or with each model. */
function countBy(name, among = turns) {
  const counts = [];
  for (const turn of among) if (turn[name] !== null) counts[turn[name]] = (counts[turn[name]] ?? 0) + 1;
  return counts;
}

function startSummary() {
  showFacts();
  showKey();
  showSpeakers();
  showFlags();
  showOrigin();
}
