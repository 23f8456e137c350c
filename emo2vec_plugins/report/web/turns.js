// The rows of turns: contents and drawing.

/** rowsOf[speaker][row]: turns sorted by time, without overlap. */
const rowsOf = speakers.map((speaker) => Array.from({ length: speaker.rows }, () => []));
for (const turn of turns) rowsOf[turn.speaker][turn.row].push(turn);

const NARROW = 1; // width in pixels below which turns share a pixel, which shows the longest emotion
const PALEST_LINE = 0.7; // least opacity of turns of one pixel, so that they stay visible
const FILTERED_OUT = "filtered out";

/** The turns of a row that overlap a time span. */
function* turnsWithin(row, start, end) {
  for (let i = firstWhere(row, (turn) => turn.end >= start); i < row.length; i++) {
    if (row[i].start > end) return;
    yield row[i];
  }
}

/** The turns at a time. */
function turnsAt(time) {
  const found = [];
  for (const row of rowsOf.flat()) {
    for (const turn of turnsWithin(row, time, time)) {
      if (turn.start <= time && time < turn.end) found.push(turn);
    }
  }
  return found;
}

/** Draw the visible turns of a row; turns narrower than a pixel share it. */
function drawRow(brush, row, view, scale, y, height, texts) {
  const pixels = new Map();
  for (const turn of turnsWithin(row, view.start, view.end)) {
    const from = Math.max(scale.x(turn.start), scale.left);
    const to = Math.min(scale.x(turn.end), scale.right);
    const isNarrow = to - from < NARROW && turn !== state.chosen;
    if (!isNarrow) drawTurn(brush, turn, from, Math.max(to - from, 1.5), y, height, texts);
    for (const x of new Set([Math.floor(from), Math.floor(to)])) {
      note(pixels, x, turn, Math.min(to, x + 1) - Math.max(from, x), isNarrow);
    }
  }
  for (const [x, found] of pixels) {
    const { turn, isNarrow } = longestOf([...found.values()]);
    if (isNarrow) drawTurn(brush, turn, x, 1, y, height, false);
  }
}

/** Add a turn's share of a pixel to its label; turns that are filtered out count together. */
function note(pixels, x, turn, share, isNarrow) {
  if (!pixels.has(x)) pixels.set(x, new Map());
  const key = isKept(turn) ? turn.label : FILTERED_OUT;
  const before = pixels.get(x).get(key) ?? { turn, share: 0, isNarrow: false };
  pixels.get(x).set(key, { turn, share: before.share + share, isNarrow: before.isNarrow || isNarrow });
}

/** The entry with the largest share of a pixel; turns that match the filters take precedence. */
function longestOf(found) {
  return found.reduce((one, other) => {
    const [first, second] = [isKept(one.turn), isKept(other.turn)];
    if (first !== second) return first ? one : other;
    return other.share > one.share ? other : one;
  });
}

function drawTurn(brush, turn, x, width, y, height, texts) {
  brush.save();
  if (!isKept(turn)) brush.globalAlpha = 0.15;
  if (turn.label === null) drawUnscored(brush, x, width, y, height);
  else drawScored(brush, turn, x, width, y, height);
  if (texts && width > 18) drawName(brush, turn, x, width, y, height);
  brush.restore();
  if (turn === state.chosen) drawOutline(brush, x, width, y, height);
}

function drawScored(brush, turn, x, width, y, height) {
  brush.fillStyle = fillOf(turn, width < 2 ? PALEST_LINE : 0);
  brush.fillRect(x, y, width, height);
  const texture = textureOf(brush, labels[turn.label].texture);
  if (texture && width >= 3) {
    brush.fillStyle = texture;
    brush.fillRect(x, y, width, height);
  }
  if (width < 4) return;
  brush.fillStyle = edgeOf(turn.label);
  brush.fillRect(x, y + height - 2, width, 2);
  brush.fillRect(x, y, 1, height);
  brush.fillRect(x + width - 1, y, 1, height);
}

function drawUnscored(brush, x, width, y, height) {
  brush.fillStyle = width >= 3 ? textureOf(brush, "hatched") : scheme.muted;
  brush.fillRect(x, y, width, height);
  if (width < 4) return;
  brush.strokeStyle = scheme.text;
  brush.setLineDash([3, 2]);
  brush.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
}

/** Draw the emotion's name, its first two letters, or nothing, depending on the space. */
function drawName(brush, turn, x, width, y, height) {
  const name = labelOf(turn);
  const fits = brush.measureText(name).width + 10 <= width;
  if (turn.label === null && !fits) return;
  const shown = fits ? name : Array.from(name).slice(0, 2).join("");
  const room = brush.measureText(shown).width;
  if (room + 6 > width) return;
  const isPlain = turn.label !== null && labels[turn.label].texture === "plain";
  if (!isPlain) {
    brush.fillStyle = turn.label === null ? scheme.lane : fillOf(turn);
    brush.fillRect(x + 3, y + 3, room + 4, height - 6);
  }
  brush.fillStyle = turn.label === null ? scheme.text : inkOn(fillOf(turn));
  brush.textAlign = "left";
  brush.fillText(shown, x + 5, y + height / 2);
}

function drawOutline(brush, x, width, y, height) {
  brush.save();
  brush.setLineDash([]);
  for (const [colour, thick] of [[scheme.back, 4], [scheme.accent, 2]]) {
    brush.strokeStyle = colour;
    brush.lineWidth = thick;
    brush.strokeRect(x - 1, y - 1, width + 2, height + 2);
  }
  brush.restore();
}
