// The probability of each emotion over time: turn by turn if few turns are visible, otherwise smoothed.

const MOST_LEVELS = 40; // maximum visible turns that are drawn one by one
const LEAST = 0.02; // share of the bell's area that speech must cover
const CURVES = 170; // height in pixels
const GRAIN = 2; // pixels between moments

/** Turns with probabilities for each choice in the list: all speakers, then each speaker. */
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
    : `smoothed over ${secondsName(deviation())}; zoom in to see each turn`;
}

/** The standard deviation of the bell, the same as in `emo2vec picture`. */
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

/** The visible curves, each with the index of its probability in a turn's scores. */
function curvesOn() {
  return data.classes.map((label, column) => ({ label, column })).filter(({ label }) => state.curves.has(label));
}

function drawLevels(brush, visible, scale, y) {
  for (const { label, column } of curvesOn()) {
    brush.strokeStyle = edgeOf(label);
    const ends = new Map(); // the last end of each speaker, from which a thin line leads to the next turn
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

/** The parts of a curve that have means, as lists of [moment, mean]. */
function runsOf(means) {
  const runs = [[]];
  means.forEach((mean, moment) => {
    if (Number.isNaN(mean)) runs.push([]);
    else runs.at(-1).push([moment, mean]);
  });
  return runs.filter((run) => run.length > 1);
}

/**
 * The mean of the turns' probabilities around each moment, weighted by the area of a bell over each
 * turn. NaN if turns cover less than `LEAST` of the area.
 *
 * Turns are first added to cells around the moments, and beyond both ends. So the work grows with
 * the number of turns plus the number of moments, not with their product.
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

/** For each cell, the share of speech, and the share times each probability. */
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

/** The bell's area over each cell, from `reach` cells before its middle to `reach` cells after. */
function bellOf(reach, seconds, spread) {
  const edge = (cell) => bellArea(((cell - 0.5) * seconds) / spread);
  return Float64Array.from({ length: 2 * reach + 1 }, (_, i) => edge(i - reach + 1) - edge(i - reach));
}

/** The area of the normal distribution up to a number of deviations (Abramowitz and Stegun, 26.2.17). */
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
  const names = ["all speakers", ...speakers.map((speaker) => speaker.name)];
  byId("curves-of").append(...names.map((name, i) => choice(i, name)));
  const draw = oncePerFrame(drawCurves);
  byId("curves-of").addEventListener("change", draw);
  on("view curves style", draw);
  new ResizeObserver(draw).observe(byId("curves"));
}
