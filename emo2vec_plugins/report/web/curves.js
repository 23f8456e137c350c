// The probability of each emotion over time: turn by turn near by, smoothed from afar.

const MOST_LEVELS = 40; // turns that are drawn one by one
const LEAST = 0.02; // share of the bell in which there is to be speech
const CURVES = 170; // pixels
const GRAIN = 2; // pixels between moments

/** Turns with probabilities, by what the list to choose from says: everybody, or one speaker. */
const scoredBy = [null, ...speakers.keys()].map((who) =>
  turns.filter((turn) => turn.scores !== null && (who === null || turn.speaker === who)),
);

function drawCurves() {
  const { brush, width, height } = prepared(byId("curves"), CURVES);
  const scale = scaleOf(state.view, width);
  const y = (share) => 10 + (1 - share) * (height - 20);
  drawGrid(brush, scale, y);
  const scored = scoredBy[Number(byId("curves-of").value)];
  const visible = scored.filter((turn) => turn.end >= state.view.start && turn.start <= state.view.end);
  const byTurns = visible.length <= MOST_LEVELS;
  brush.beginPath();
  brush.rect(scale.left, 0, scale.right - scale.left, height);
  brush.clip();
  if (byTurns) drawLevels(brush, visible, scale, y);
  else drawSmoothed(brush, scored, scale, y);
  byId("curves-note").textContent = byTurns
    ? "turn by turn"
    : `smoothed over ${secondsName(deviation())}; come closer to see each turn`;
}

/** The standard deviation of the bell, as in `emo2vec picture`. */
function deviation() {
  return (state.view.end - state.view.start) / 80;
}

function secondsName(seconds) {
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
}

function drawGrid(brush, scale, y) {
  brush.textAlign = "right";
  for (const share of [0, 0.5, 1]) {
    brush.strokeStyle = scheme.line;
    drawLine(brush, [[scale.left, y(share)], [scale.right, y(share)]]);
    brush.fillStyle = scheme.muted;
    brush.fillText(share.toString(), scale.left - 8, y(share));
  }
}

/** The curves that are on, each with where its probabilities are among a turn's. */
function curvesOn() {
  return data.classes.map((label, column) => ({ label, column })).filter(({ label }) => state.curves.has(label));
}

function drawLevels(brush, visible, scale, y) {
  for (const { label, column } of curvesOn()) {
    brush.strokeStyle = edgeOf(label);
    const ends = new Map(); // of each speaker: who speaks by turns is joined by thin lines
    for (const turn of visible) {
      const start = [scale.x(turn.start), y(turn.scores[column] ?? 0)];
      const end = [Math.max(scale.x(turn.end), start[0] + 1), start[1]];
      const before = ends.get(turn.speaker);
      if (before && before[0] <= start[0]) drawLine(brush, [before, start], 0.6, [2, 3]);
      drawLine(brush, [start, end], 2.5, dashOf(label));
      ends.set(turn.speaker, end);
    }
  }
}

function drawSmoothed(brush, scored, scale, y) {
  const seconds = GRAIN / scale.second;
  const count = Math.floor((scale.right - scale.left) / GRAIN) + 1;
  const on = curvesOn();
  const means = smoothed(scored, state.view.start, seconds, count, deviation(), on.map(({ column }) => column));
  on.forEach(({ label }, curve) => {
    brush.strokeStyle = edgeOf(label);
    for (const run of runsOf(means[curve])) {
      const points = run.map(([moment, mean]) => [scale.left + moment * GRAIN, y(mean)]);
      drawLine(brush, points, 1.8, dashOf(label));
    }
  });
}

/** Stretches of a curve in which there is a mean: [moment, mean] pairs. */
function runsOf(means) {
  const runs = [[]];
  means.forEach((mean, moment) => {
    if (Number.isNaN(mean)) runs.push([]);
    else runs.at(-1).push([moment, mean]);
  });
  return runs.filter((run) => run.length > 1);
}

/**
 * The mean of the turns' probabilities around each moment: each turn counts as much as the part
 * of a bell's area that lies over it. NaN where less than `LEAST` of it lies over turns.
 *
 * Turns are first spread over cells as long as moments are apart, one around each moment and
 * beyond both ends, so that the work grows with turns and moments, not with their product.
 */
function smoothed(scored, start, seconds, count, spread, columns) {
  const reach = Math.ceil((6 * spread) / seconds);
  const cells = count + 2 * reach;
  const first = start - (reach + 0.5) * seconds;
  const [speech, ...sums] = spreadOver(scored, first, seconds, cells, columns);
  const bell = bellOf(reach, seconds, spread);
  const around = (values, moment) => {
    let sum = 0;
    for (let i = 0; i < bell.length; i++) sum += bell[i] * values[moment + i];
    return sum;
  };
  const all = Array.from({ length: count }, (_, moment) => around(speech, moment));
  return sums.map((sum) => all.map((part, moment) => (part >= LEAST ? around(sum, moment) / part : NaN)));
}

/** For each cell: how much of it is speech, and that times each probability. */
function spreadOver(scored, first, seconds, cells, columns) {
  const totals = [null, ...columns].map(() => new Float64Array(cells));
  for (const turn of scored) {
    const from = Math.max(0, (turn.start - first) / seconds);
    const to = Math.min(cells, (turn.end - first) / seconds);
    for (let cell = Math.floor(from); cell < to; cell++) {
      const share = Math.min(to, cell + 1) - Math.max(from, cell);
      totals[0][cell] += share;
      columns.forEach((column, i) => (totals[i + 1][cell] += share * (turn.scores[column] ?? 0)));
    }
  }
  return totals;
}

/** The part of the bell's area over each cell, from `reach` cells before its middle to as many after. */
function bellOf(reach, seconds, spread) {
  const edge = (cell) => bellArea(((cell - 0.5) * seconds) / spread);
  return Float64Array.from({ length: 2 * reach + 1 }, (_, i) => edge(i - reach + 1) - edge(i - reach));
}

/** The area of the normal bell up to so many deviations (Abramowitz and Stegun, 26.2.17). */
function bellArea(deviations) {
  const size = Math.abs(deviations);
  const t = 1 / (1 + 0.2316419 * size);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-size * size) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return deviations >= 0 ? 1 - tail : tail;
}

function startCurves() {
  byId("curves-part").hidden = !data.classes.length;
  if (!data.classes.length) return;
  const names = ["everybody", ...speakers.map((speaker) => speaker.name)];
  byId("curves-of").append(...names.map((name, i) => make("option", { value: i }, name)));
  const draw = oncePerFrame(drawCurves);
  byId("curves-of").addEventListener("change", draw);
  on("view curves style", draw);
  new ResizeObserver(draw).observe(byId("curves"));
}
