// The keyboard, and the page that explains it.

const KEYS = [
  { keys: [" "], shown: "Space", does: "play or pause", act: togglePlay },
  { keys: ["j", "J"], shown: "J", does: "the turn after", act: () => visitNeighbour(1), repeats: true },
  { keys: ["k", "K"], shown: "K", does: "the turn before", act: () => visitNeighbour(-1), repeats: true },
  { keys: ["Enter"], shown: "Enter", does: "play the chosen turn", act: replay },
  { keys: ["z", "Z"], shown: "Z", does: "come close to the chosen turn", act: () => state.chosen && zoomTo(state.chosen) },
  { keys: ["ArrowLeft"], shown: "←", does: "two seconds back", act: () => jump(-2), repeats: true },
  { keys: ["ArrowRight"], shown: "→", does: "two seconds on", act: () => jump(2), repeats: true },
  { keys: ["+", "="], shown: "+", does: "closer", act: () => zoomHere(2), repeats: true },
  { keys: ["-", "_"], shown: "-", does: "farther", act: () => zoomHere(0.5), repeats: true },
  { keys: ["0"], shown: "0", does: "all of the recording", act: showAll },
  { keys: ["["], shown: "[", does: "move the view back", act: () => pan(-0.25), repeats: true },
  { keys: ["]"], shown: "]", does: "move the view on", act: () => pan(0.25), repeats: true },
  { keys: ["/"], shown: "/", does: "look for text; Enter or Escape comes back", act: () => byId("by-text").focus() },
  { keys: ["?"], shown: "?", does: "these keys", act: showHelp },
];

function jump(seconds) {
  seek(state.time + seconds);
  bringIntoView(state.time, state.time);
}

/** Zoom around the cursor where that is in view. */
function zoomHere(factor) {
  const { start, end } = state.view;
  zoom(factor, state.time >= start && state.time <= end ? state.time : undefined);
}

function showHelp() {
  byId("help").showModal();
}

function onKey(event) {
  const { key, target } = event;
  if (key === "Escape") return hideTip();
  if (byId("help").open || !byId("use-keys").checked) return;
  if (isForBrowser(event) || isForFocus(key, target)) return;
  const found = KEYS.find(({ keys }) => keys.includes(key));
  if (!found) return;
  event.preventDefault();
  if (!event.repeat || found.repeats) found.act();
}

/** With AltGr, which counts as two of these, many keyboards write brackets and slashes. */
function isForBrowser(event) {
  if (event.getModifierState("AltGraph")) return false;
  return event.ctrlKey || event.metaKey || event.altKey;
}

/** Fields keep all keys, buttons those that press them, and what scrolls those that scroll it. */
function isForFocus(key, target) {
  if (target.closest("input, select, textarea")) return true;
  if ([" ", "Enter"].includes(key)) return target.closest("button, a") !== null;
  return key.startsWith("Arrow") && target.closest(".scrolls") !== null;
}

function startKeys() {
  document.addEventListener("keydown", onKey);
  byId("help-open").addEventListener("click", showHelp);
  byId("help-keys").append(...KEYS.map(({ shown, does }) =>
    make("tr", {}, make("td", {}, make("kbd", {}, shown)), make("td", {}, does))));
}
