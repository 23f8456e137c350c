// Turns in rows: which are where, and how they are drawn.

/** rows[speaker][row]: turns in order of time, none over another. */
const rows = speakers.map((speaker) => Array.from({ length: speaker.rows }, () => []));
for (const turn of turns) rows[turn.speaker][turn.row].push(turn);

/** The turns of a row that are heard in a stretch of time. */
function* within(row, start, end) {
  for (let i = firstWhere(row, (turn) => turn.end >= start); i < row.length; i++) {
    if (row[i].start > end) return;
    yield row[i];
  }
}

/** The turns that are heard at a time. */
function at(time) {
  const found = [];
  for (const lane of rows) {
    for (const row of lane) {
      for (const turn of within(row, time, time)) {
        if (turn.start <= time && time < turn.end) found.push(turn);
      }
    }
  }
  return found;
}

/** Draw a row. Of turns narrower than a pixel, each pixel shows what is heard in it longest. */
function drawRow(brush, row, view, scale, y, height, texts) {
  const cells = new Map();
  for (const turn of within(row, view.start, view.end)) {
    const x = Math.max(scale.x(turn.start), scale.left);
    const end = Math.min(scale.x(turn.end), scale.right);
    if (end - x >= 1 || turn === state.chosen) {
      drawTurn(brush, turn, x, Math.max(end - x, 1.5), y, height, texts);
    } else gather(cells, Math.floor(x), turn);
  }
  for (const [x, cell] of cells) drawTurn(brush, cell.longest, x, 1, y, height, false);
}

function gather(cells, x, turn) {
  const cell = cells.get(x) ?? { seconds: new Map(), most: -1, longest: null };
  const key = isKept(turn) ? turn.label : "left out";
  const seconds = (cell.seconds.get(key) ?? 0) + turn.end - turn.start;
  cell.seconds.set(key, seconds);
  const rank = isKept(turn) ? seconds + 1e6 : seconds; // what the filters let through is seen first
  if (rank > cell.most) Object.assign(cell, { most: rank, longest: turn });
  cells.set(x, cell);
}

function drawTurn(brush, turn, x, width, y, height, texts) {
  brush.save();
  if (!isKept(turn)) brush.globalAlpha = 0.15;
  if (turn.label === null) drawUnscored(brush, x, width, y, height);
  else drawScored(brush, turn, x, width, y, height);
  if (texts && width > 18) drawText(brush, turn, x, width, y, height);
  brush.restore();
  if (turn === state.chosen) outline(brush, x, width, y, height);
}

function drawScored(brush, turn, x, width, y, height) {
  brush.fillStyle = fillOf(turn);
  brush.fillRect(x, y, width, height);
  const texture = textureOf(brush, labels[turn.label].texture);
  if (texture && width >= 3) {
    brush.fillStyle = texture;
    brush.fillRect(x, y, width, height);
  }
  brush.fillStyle = edgeOf(turn.label);
  if (width >= 4) {
    brush.fillRect(x, y + height - 2, width, 2);
    brush.fillRect(x, y, 1, height);
    brush.fillRect(x + width - 1, y, 1, height);
  }
}

function drawUnscored(brush, x, width, y, height) {
  brush.fillStyle = width >= 3 ? textureOf(brush, "hatched") : scheme.text;
  brush.fillRect(x, y, width, height);
  if (width < 4) return;
  brush.strokeStyle = scheme.text;
  brush.setLineDash([3, 2]);
  brush.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
}

function drawText(brush, turn, x, width, y, height) {
  const text = labelOf(turn);
  const all = brush.measureText(text).width + 10 <= width;
  if (turn.label === null && !all) return;
  const words = all ? text : Array.from(text).slice(0, 2).join("");
  const room = brush.measureText(words).width;
  if (room + 6 > width) return;
  const plain = turn.label !== null && labels[turn.label].texture === "plain";
  if (!plain) {
    brush.fillStyle = turn.label === null ? scheme.lane : fillOf(turn);
    brush.fillRect(x + 3, y + 3, room + 4, height - 6);
  }
  brush.fillStyle = turn.label === null ? scheme.text : inkOn(fillOf(turn));
  brush.textAlign = "left";
  brush.fillText(words, x + 5, y + height / 2);
}

function outline(brush, x, width, y, height) {
  brush.save();
  brush.setLineDash([]);
  brush.lineWidth = 4;
  brush.strokeStyle = scheme.back;
  brush.strokeRect(x - 1, y - 1, width + 2, height + 2);
  brush.lineWidth = 2;
  brush.strokeStyle = scheme.accent;
  brush.strokeRect(x - 1, y - 1, width + 2, height + 2);
  brush.restore();
}
