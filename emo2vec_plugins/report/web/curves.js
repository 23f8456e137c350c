// The probability of each emotion over time: turn by turn near by, smoothed from afar.

const MOST_LEVELS = 40; // turns of a speaker that are drawn one by one
const LEAST = 0.02; // share of the bell in which there is to be speech
const CURVES = 170;

/** Turns with probabilities, by what the list to choose from says: everybody, or one speaker. */
const toldBy = [null, ...speakers.keys()].map((who) =>
  turns.filter((turn) => turn.scores !== null && (who === null || turn.speaker === who)),
);

function drawCurves() {
  const { brush, width, height } = prepared(byId("curves"), CURVES);
  const scale = scaleOf(state.view, width);
  const y = (share) => 10 + (1 - share) * (height - 20);
  drawGrid(brush, scale, y);
  const told = toldBy[Number(byId("curves-of").value)];
  const visible = told.filter((turn) => turn.end >= state.view.start && turn.start <= state.view.end);
  const level = visible.length <= MOST_LEVELS;
  brush.beginPath();
  brush.rect(scale.left, 0, scale.right - scale.left, height);
  brush.clip();
  brush.lineWidth = 2;
  if (level) drawLevels(brush, visible, scale, y);
  else drawSmoothed(brush, told, scale, y);
  byId("curves-note").textContent = level
    ? "turn by turn"
    : `smoothed over ${spanName()}; come closer to see each turn`;
}

/** The standard deviation of the bell, as in `emo2vec picture`. */
function deviation() {
  return (state.view.end - state.view.start) / 80;
}

function spanName() {
  const seconds = deviation();
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
}

function drawGrid(brush, scale, y) {
  brush.textAlign = "right";
  for (const share of [0, 0.5, 1]) {
    brush.strokeStyle = scheme.line;
    brush.beginPath();
    brush.moveTo(scale.left, y(share));
    brush.lineTo(scale.right, y(share));
    brush.stroke();
    brush.fillStyle = scheme.muted;
    brush.fillText(share.toString(), scale.left - 8, y(share));
  }
}

function drawn() {
  return data.classes.map((label, column) => ({ label, column })).filter(({ label }) => state.curves.has(label));
}

function drawLevels(brush, visible, scale, y) {
  for (const { label, column } of drawn()) {
    brush.strokeStyle = edgeOf(label);
    const last = new Map(); // of each speaker: who speaks by turns is joined by thin lines
    for (const turn of visible) {
      const height = y(turn.scores[column] ?? 0);
      const before = last.get(turn.speaker);
      if (before && before[0] <= scale.x(turn.start)) stroke(brush, [before, [scale.x(turn.start), height]], 0.6, [2, 3]);
      const end = [Math.max(scale.x(turn.end), scale.x(turn.start) + 1), height];
      stroke(brush, [[scale.x(turn.start), height], end], 2.5, dashOf(label));
      last.set(turn.speaker, end);
    }
  }
}

function stroke(brush, points, width, dash) {
  brush.lineWidth = width;
  brush.setLineDash(dash);
  brush.beginPath();
  points.forEach(([x, y], i) => (i ? brush.lineTo(x, y) : brush.moveTo(x, y)));
  brush.stroke();
}

function drawSmoothed(brush, told, scale, y) {
  const moments = [];
  for (let x = scale.left; x <= scale.right; x += 2) moments.push(x);
  const means = smoothed(told, moments.map(scale.time), deviation());
  for (const { label, column } of drawn()) {
    brush.strokeStyle = edgeOf(label);
    let points = [];
    moments.forEach((x, i) => {
      if (means[i]) points.push([x, y(means[i][column])]);
      if (!means[i] || i === moments.length - 1) {
        stroke(brush, points, 1.8, dashOf(label));
        points = [];
      }
    });
  }
}

/**
 * The mean of the turns' probabilities around each moment: each turn counts as much as the part
 * of a bell's area that lies over it. Null where less than `LEAST` of it lies over turns.
 */
function smoothed(told, times, spread) {
  const far = 6 * spread;
  let first = 0;
  return times.map((time) => {
    while (first < told.length && told[first].end < time - far && told[first].start < time - far) first++;
    const sums = new Float64Array(data.classes.length);
    let all = 0;
    for (let i = first; i < told.length && told[i].start <= time + far; i++) {
      const weight = area((told[i].end - time) / spread) - area((told[i].start - time) / spread);
      all += weight;
      told[i].scores.forEach((score, column) => (sums[column] += weight * (score ?? 0)));
    }
    return all >= LEAST ? sums.map((sum) => sum / all) : null;
  });
}

/** The area of the normal bell up to so many deviations (Abramowitz and Stegun, 26.2.17). */
function area(deviations) {
  const size = Math.abs(deviations);
  const t = 1 / (1 + 0.2316419 * size);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = Math.exp(-size * size / 2) / Math.sqrt(2 * Math.PI) * series;
  return deviations >= 0 ? 1 - tail : tail;
}

function startCurves() {
  byId("curves-part").hidden = !data.classes.length;
  if (!data.classes.length) return;
  const choices = ["everybody", ...speakers.map((speaker) => speaker.name)];
  byId("curves-of").append(...choices.map((name, i) => make("option", { value: i }, name)));
  const draw = oncePerFrame(drawCurves);
  byId("curves-of").addEventListener("change", draw);
  on("view curves looks", draw);
  new ResizeObserver(draw).observe(byId("curves"));
}
