// Navigation between turns.

/** Select, play and announce a turn; scroll it into view unless it was clicked. */
function visit(turn, { pointedAt = false } = {}) {
  if (!pointedAt) bringIntoView(turn.start, turn.end);
  choose(turn);
  const problem = playTurn(turn);
  announce(problem ? `${describe(turn)}. ${problem}` : describe(turn));
}

function visitNeighbour(step) {
  const turn = neighbour(step);
  if (turn !== null) return visit(turn);
  if (!turns.length) return announce("This recording has no turns.");
  if (!state.kept.length) return announce("No turns match the filters.");
  announce(step > 0 ? "No next turn." : "No previous turn.");
}

function replay() {
  if (state.chosen === null) return;
  const problem = playTurn(state.chosen);
  if (problem) announce(problem);
}

function startVisits() {
  byId("previous").addEventListener("click", () => visitNeighbour(-1));
  byId("next").addEventListener("click", () => visitNeighbour(1));
}
