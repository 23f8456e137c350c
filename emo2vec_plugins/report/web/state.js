// What is chosen and what is in view. Parts of the page change it here and hear of it here.

const SHORTEST = 0.2; // seconds that are in view at the closest
const LEFT = 0.05; // seconds outside of a turn from which on the time has left it

const state = {
  chosen: null, // the turn that is looked at
  time: data.start,
  view: { start: data.start, end: data.end },
  following: true, // whether the view goes with the time: until the reader moves it
  kept: turns, // those that the filters let through, in order of time
  keptSet: null, // the same as a set; null if it is all of them
  curves: new Set(data.classes), // labels whose curves are drawn
};
const listeners = new Map();

/** Call `listener` when one of some things has changed: chosen, time, view, kept, curves, style, sound. */
function on(events, listener) {
  for (const event of events.split(" ")) {
    listeners.set(event, [...(listeners.get(event) ?? []), listener]);
  }
}

function emit(event) {
  for (const listener of listeners.get(event) ?? []) listener();
}

/** A function that draws at most once a frame, however often it is called. */
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

/** The kept turn before or after the chosen one, or the cursor once it has left that; null if none. */
function neighbour(step) {
  const { chosen, kept, time } = state;
  if (chosen === null || time < chosen.start - LEFT || time > chosen.end + LEFT) {
    const after = firstWhere(kept, (turn) => turn.start >= time);
    return kept[step > 0 ? after : after - 1] ?? null;
  }
  const place = firstWhere(kept, (turn) => turn.index >= chosen.index);
  const isThere = kept[place] === chosen;
  return kept[step > 0 && !isThere ? place : place + step] ?? null;
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

/** Make room for sound that is longer than anybody knew. */
function lengthen(end) {
  if (end <= data.end) return;
  const sawAll = state.view.start === data.start && state.view.end === data.end;
  data.end = end;
  if (sawAll) showAll();
  emit("kept"); // all that is drawn against the length
}

/** Come closer by a factor, so that `time` stays where it is. */
function zoom(factor, time = (state.view.start + state.view.end) / 2) {
  const { start, end } = state.view;
  const span = clamp((end - start) / factor, Math.min(SHORTEST, wholeLength()), wholeLength());
  const share = (time - start) / (end - start);
  state.following = false;
  setView(time - share * span, time + (1 - share) * span);
}

/** Move the view by a share of itself. */
function pan(share) {
  const { start, end } = state.view;
  moveView(start + share * (end - start));
}

/** Move the view to begin at a time, as far as there is anything; the reader wants to stay there. */
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

/** Show a turn from close by, with what is around it. */
function zoomTo(turn) {
  const span = Math.max(4 * (turn.end - turn.start), 2);
  const middle = (turn.start + turn.end) / 2;
  setView(middle - span / 2, middle + span / 2);
}

/** Announce to a screen reader; a repeated message is announced again. */
function say(message) {
  const place = byId("said");
  place.textContent = place.textContent === message ? `${message}\u00a0` : message;
}
