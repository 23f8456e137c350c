// What is chosen and what is in view. Parts of the page change it here and hear of it here.

const state = {
  chosen: null, // the turn that is looked at
  time: Math.max(0, data.start),
  view: { start: data.start, end: data.end },
  kept: turns, // those that the filters let through, in order of time
  keptSet: null, // the same as a set; null if it is all of them
  curves: new Set(data.classes), // labels whose curves are drawn
};
const listeners = new Map();

/** Call `listener` when one of some things has changed: chosen, time, view, kept, curves, looks. */
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
  if (turn !== null) bringIntoView(turn.start, turn.end);
  emit("chosen");
}

/** The kept turn before or after the one that is chosen, or after the cursor if none is. */
function neighbour(step) {
  const { chosen, kept, time } = state;
  if (chosen === null) {
    const after = firstWhere(kept, (turn) => turn.start >= time);
    return kept[step > 0 ? after : after - 1] ?? null;
  }
  const place = firstWhere(kept, (turn) => turn.index >= chosen.index);
  const there = kept[place] === chosen;
  return kept[step > 0 && !there ? place : place + step] ?? null;
}

function setView(start, end) {
  const span = clamp(end - start, Math.min(0.2, total), total);
  const from = clamp(start + (end - start - span) / 2, data.start, data.end - span);
  state.view = { start: from, end: from + span };
  emit("view");
}

/** Come closer by a factor, so that `time` stays where it is. */
function zoom(factor, time = (state.view.start + state.view.end) / 2) {
  const { start, end } = state.view;
  const span = clamp((end - start) / factor, Math.min(0.2, total), total);
  const share = (time - start) / (end - start);
  setView(time - share * span, time + (1 - share) * span);
}

function pan(share) {
  const { start, end } = state.view;
  const by = share * (end - start);
  const within = clamp(by, data.start - start, data.end - end);
  setView(start + within, end + within);
}

function bringIntoView(from, to) {
  const { start, end } = state.view;
  const span = end - start;
  if (from >= start && to <= end) return;
  if (to - from >= span) setView(from, from + span);
  else setView((from + to - span) / 2, (from + to + span) / 2);
}

function say(text) {
  byId("said").textContent = text;
}
