// From turn to turn: to choose one is to see it, to hear it, and to have it said.

/** Choose a turn, hear it, and say what it is; come to where it is, unless it was pointed at. */
function visit(turn, { pointedAt = false } = {}) {
  if (!pointedAt) bringIntoView(turn.start, turn.end);
  choose(turn);
  const problem = playTurn(turn);
  say(problem ? `${describe(turn)}. ${problem}` : describe(turn));
}

function visitNeighbour(step) {
  const turn = neighbour(step);
  if (turn !== null) return visit(turn);
  if (!turns.length) return say("There are no turns.");
  if (!state.kept.length) return say("No turn passes the filters.");
  say(step > 0 ? "There is no turn after this." : "There is no turn before this.");
}

function replay() {
  if (state.chosen === null) return;
  const problem = playTurn(state.chosen);
  if (problem) say(problem);
}

function startVisits() {
  byId("previous").addEventListener("click", () => visitNeighbour(-1));
  byId("next").addEventListener("click", () => visitNeighbour(1));
}
