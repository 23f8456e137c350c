// The keyboard, and the page that explains it.

const KEYS = [
  { keys: [" "], shown: "Space", does: "play or pause", act: togglePlay },
  { keys: ["j", "J"], shown: "J", does: "the turn after", act: () => step(1) },
  { keys: ["k", "K"], shown: "K", does: "the turn before", act: () => step(-1) },
  { keys: ["Enter"], shown: "Enter", does: "play the chosen turn", act: () => state.chosen && playTurn(state.chosen) },
  { keys: ["z", "Z"], shown: "Z", does: "come close to the chosen turn", act: () => state.chosen && zoomTo(state.chosen) },
  { keys: ["ArrowLeft"], shown: "←", does: "two seconds back", act: () => jump(-2) },
  { keys: ["ArrowRight"], shown: "→", does: "two seconds on", act: () => jump(2) },
  { keys: ["+", "="], shown: "+", does: "closer", act: () => zoomHere(2) },
  { keys: ["-", "_"], shown: "-", does: "farther", act: () => zoomHere(0.5) },
  { keys: ["0"], shown: "0", does: "all of the recording", act: () => setView(data.start, data.end) },
  { keys: ["["], shown: "[", does: "move the view back", act: () => pan(-0.25) },
  { keys: ["]"], shown: "]", does: "move the view on", act: () => pan(0.25) },
  { keys: ["/"], shown: "/", does: "look for text", act: () => byId("by-text").focus() },
  { keys: ["?"], shown: "?", does: "these keys", act: () => byId("help").showModal() },
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

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  const { target } = event;
  if (target.closest("input, select, textarea")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  // A button that has the focus keeps the keys that press it.
  if ([" ", "Enter"].includes(event.key) && target.closest("button, a")) return;
  const found = KEYS.find(({ keys }) => keys.includes(event.key));
  if (!found) return;
  event.preventDefault();
  found.act();
}

function startKeys() {
  document.addEventListener("keydown", onKey);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("help-keys").append(...KEYS.map(({ shown, does }) =>
    make("tr", {}, make("td", {}, make("kbd", {}, shown)), make("td", {}, does))));
}
