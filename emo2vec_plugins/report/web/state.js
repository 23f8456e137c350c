// The shared state: selection, visible time and filters. Parts of the page change it through these
// functions and subscribe to its events.

const SHORTEST = 0.2; // shortest visible time, in seconds
const LEFT = 0.05; // seconds outside the selected turn after which the cursor has left it

const state = {
  chosen: null, // the selected turn
  time: data.start,
  view: { start: data.start, end: data.end },
  following: true, // whether the view follows the cursor; false after the reader moves the view
  kept: turns, // turns that match the filters, sorted by time
  keptSet: null, // the same as a set; null if all turns match
  curves: new Set(data.classes), // labels with visible curves
};
const listeners = new Map();

/** Call `listener` after each of some events: chosen, time, view, kept, curves, style, sound. */
function on(events, listener) {
  for (const event of events.split(" ")) {
    listeners.set(event, [...(listeners.get(event) ?? []), listener]);
  }
}

function emit(event) {
  for (const listener of listeners.get(event) ?? []) listener();
}

/** A function that calls `draw` at most once per frame. */
function oncePerFrame(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}

function isKept(turn) {
  return state.keptSet === null || state.keptSet.has(turn);
}

function keep(some) {
  state.kept = some;
  state.keptSet = some.length === turns.length ? null : new Set(some);
  emit("kept");
}

function choose(turn) {
  state.chosen = turn;
  emit("chosen");
}

/**
 * The matching turn before or after the selected one, or null. If the cursor has left the selected
 * turn, the cursor's position counts.
 */
function neighbour(step) {
  const { chosen, kept, time } = state;
  if (chosen === null || time < chosen.start - LEFT || time > chosen.end + LEFT) {
    const after = firstWhere(kept, (turn) => turn.start >= time);
    return kept[step > 0 ? after : after - 1] ?? null;
  }
  const place = firstWhere(kept, (turn) => turn.index >= chosen.index);
  const isMatch = kept[place] === chosen;
  return kept[step > 0 && !isMatch ? place : place + step] ?? null;
}

function setView(start, end) {
  const span = clamp(end - start, Math.min(SHORTEST, wholeLength()), wholeLength());
  const from = clamp(start + (end - start - span) / 2, data.start, data.end - span);
  state.view = { start: from, end: from + span };
  emit("view");
}

function wholeLength() {
  return data.end - data.start;
}

function showAll() {
  setView(data.start, data.end);
}

/** Extend the recording if its audio is longer than known before. */
function lengthen(end) {
  if (end <= data.end) return;
  const sawAll = state.view.start === data.start && state.view.end === data.end;
  data.end = end;
  if (sawAll) showAll();
  emit("kept"); // redraws everything that depends on the duration
}

/** Zoom in by a factor; `time` keeps its position. */
function zoom(factor, time = (state.view.start + state.view.end) / 2) {
  const { start, end } = state.view;
  const span = clamp((end - start) / factor, Math.min(SHORTEST, wholeLength()), wholeLength());
  const share = (time - start) / (end - start);
  state.following = false;
  setView(time - share * span, time + (1 - share) * span);
}

/** Move the view by a share of its duration. */
function pan(share) {
  const { start, end } = state.view;
  moveView(start + share * (end - start));
}

/** Move the start of the view to a time within the recording, and stop following the cursor. */
function moveView(start) {
  const span = state.view.end - state.view.start;
  const from = clamp(start, data.start, data.end - span);
  state.following = false;
  setView(from, from + span);
}

function bringIntoView(from, to) {
  const { start, end } = state.view;
  const span = end - start;
  if (from >= start && to <= end) return;
  if (to - from >= span) setView(from, from + span);
  else setView((from + to - span) / 2, (from + to + span) / 2);
}

/** Zoom to a turn and its surroundings. */
function zoomTo(turn) {
  const span = Math.max(4 * (turn.end - turn.start), 2);
  const middle = (turn.start + turn.end) / 2;
  setView(middle - span / 2, middle + span / 2);
}

/** Announce a message to screen readers, even if it repeats the last one. */
function announce(message) {
  const place = byId("announcement");
  place.textContent = place.textContent === message ? `${message}\u00a0` : message;
}
