// Keyboard shortcuts, and the dialog that lists them.

const KEYS = [
  { keys: [" "], shown: "Space", does: "play or pause", act: togglePlay },
  { keys: ["j", "J"], shown: "J", does: "next turn", act: () => visitNeighbour(1), repeats: true },
  { keys: ["k", "K"], shown: "K", does: "previous turn", act: () => visitNeighbour(-1), repeats: true },
  { keys: ["Enter"], shown: "Enter", does: "play the selected turn", act: replay },
  { keys: ["z", "Z"], shown: "Z", does: "zoom to the selected turn", act: () => state.chosen && zoomTo(state.chosen) },
  { keys: ["ArrowLeft"], shown: "←", does: "two seconds back", act: () => jump(-2), repeats: true },
  { keys: ["ArrowRight"], shown: "→", does: "two seconds forward", act: () => jump(2), repeats: true },
  { keys: ["+", "="], shown: "+", does: "zoom in", act: () => zoomHere(2), repeats: true },
  { keys: ["-", "_"], shown: "-", does: "zoom out", act: () => zoomHere(0.5), repeats: true },
  { keys: ["0"], shown: "0", does: "show the whole recording", act: showAll },
  { keys: ["["], shown: "[", does: "move the view back", act: () => pan(-0.25), repeats: true },
  { keys: ["]"], shown: "]", does: "move the view forward", act: () => pan(0.25), repeats: true },
  { keys: ["/"], shown: "/", does: "search; Enter or Escape leaves the field", act: () => byId("by-text").focus() },
  { keys: ["?"], shown: "?", does: "show these shortcuts", act: showHelp },
];

function jump(seconds) {
  seek(state.time + seconds);
  bringIntoView(state.time, state.time);
}

/** Zoom around the cursor if it is visible, otherwise around the middle. */
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

/** Whether a key belongs to the browser. AltGr, which sets two of these modifiers, types brackets. */
function isForBrowser(event) {
  if (event.getModifierState("AltGraph")) return false;
  return event.ctrlKey || event.metaKey || event.altKey;
}

/** Whether the focused element uses a key: fields use all, buttons Space and Enter, scroll boxes arrows. */
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
