// The lanes near by: drawn, dragged, zoomed, and pressed upon.

const ROW = 24;
const PAD = 5;
const tops = [];
let lanesHeight = PAD;
for (const speaker of speakers) {
  tops.push(lanesHeight);
  lanesHeight += ROW * speaker.rows + 2 * PAD;
}
const lanes = byId("lanes");
const lanesScroll = byId("lanes-scroll");

function visibleHeight() {
  return Math.max(40, Math.min(lanesHeight, lanesScroll.clientHeight || lanesHeight));
}

function drawLanes() {
  byId("lanes-height").style.height = `${Math.max(40, lanesHeight)}px`;
  const { brush, width, height } = prepared(lanes, visibleHeight());
  const scale = scaleOf(state.view, width);
  const from = lanesScroll.scrollTop;
  brush.strokeStyle = scheme.line;
  for (const { time } of ticksFor(width)) line(brush, scale.x(time), 0, height);
  speakers.forEach((speaker, lane) => {
    const top = tops[lane] - from;
    const tall = ROW * speaker.rows;
    if (top + tall >= 0 && top <= height) drawLane(brush, lane, scale, top, tall);
  });
  if (!turns.length) note(brush, "There are no turns.", scale.left + 10, height / 2);
  Object.assign(lanes.dataset, { start: state.view.start, end: state.view.end, left: scale.left, right: scale.right });
}

function line(brush, x, from, to) {
  brush.beginPath();
  brush.moveTo(x, from);
  brush.lineTo(x, to);
  brush.stroke();
}

function note(brush, text, x, y) {
  brush.fillStyle = scheme.muted;
  brush.textAlign = "left";
  brush.fillText(text, x, y);
}

function drawLane(brush, lane, scale, top, tall) {
  brush.fillStyle = scheme.lane;
  brush.fillRect(scale.left, top, scale.right - scale.left, tall);
  brush.save();
  brush.beginPath();
  brush.rect(scale.left - 2, top - 3, scale.right - scale.left + 4, tall + 6);
  brush.clip();
  rows[lane].forEach((row, number) => {
    drawRow(brush, row, state.view, scale, top + number * ROW + 1, ROW - 2, true);
  });
  brush.restore();
  brush.fillStyle = scheme.text;
  brush.textAlign = "left";
  brush.fillText(fitted(brush, speakers[lane].name, scale.left - 20), 10, top + tall / 2);
}

/** The turn at a place of the canvas, or the nearest within a few pixels of its row. */
function turnAt(x, y) {
  const scale = scaleOf(state.view, lanes.clientWidth);
  const place = y + lanesScroll.scrollTop;
  const lane = tops.findIndex((top, i) => place >= top && place < top + ROW * speakers[i].rows);
  if (lane < 0 || x < scale.left - 4) return null;
  const row = rows[lane][Math.floor((place - tops[lane]) / ROW)];
  const reach = 4 / scale.second;
  const time = scale.time(x);
  const away = (turn) => Math.max(turn.start - time, time - turn.end, 0);
  let nearest = null;
  for (const turn of within(row, time - reach, time + reach)) {
    if (isKept(turn) && (nearest === null || away(turn) < away(nearest))) nearest = turn;
  }
  return nearest;
}

function press(event) {
  if (event.button !== 0) return;
  const start = { x: event.clientX, view: state.view };
  let moved = false;
  lanes.setPointerCapture(event.pointerId);
  const move = (now) => {
    const by = now.clientX - start.x;
    moved = moved || Math.abs(by) > 4;
    if (!moved) return;
    lanes.classList.add("moving");
    const span = start.view.end - start.view.start;
    const seconds = by / scaleOf(start.view, lanes.clientWidth).second;
    const from = clamp(start.view.start - seconds, data.start, data.end - span);
    setView(from, from + span);
  };
  const end = (last) => {
    lanes.removeEventListener("pointermove", move);
    lanes.removeEventListener("pointerup", end);
    lanes.removeEventListener("pointercancel", end);
    lanes.classList.remove("moving");
    if (!moved && last.type === "pointerup") click(last);
  };
  lanes.addEventListener("pointermove", move);
  lanes.addEventListener("pointerup", end);
  lanes.addEventListener("pointercancel", end);
}

function click(event) {
  const turn = turnAt(event.offsetX, event.offsetY);
  if (turn !== null) return visit(turn);
  const scale = scaleOf(state.view, lanes.clientWidth);
  if (event.offsetX >= scale.left) seek(scale.time(event.offsetX));
}

function wheel(event) {
  const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (!event.ctrlKey && !event.metaKey && !sideways) return;
  event.preventDefault();
  const scale = scaleOf(state.view, lanes.clientWidth);
  const by = event.deltaMode ? 30 : 1; // Firefox counts lines
  if (event.ctrlKey || event.metaKey) zoom(Math.exp(-event.deltaY * by * 0.004), scale.time(event.offsetX));
  else pan(((event.deltaX || event.deltaY) * by) / (scale.right - scale.left));
}

function showTip(event) {
  const tip = byId("tip");
  const turn = event.buttons ? null : turnAt(event.offsetX, event.offsetY);
  tip.hidden = turn === null;
  lanes.style.cursor = turn === null ? "" : "pointer";
  if (turn === null) return;
  tip.textContent = describe(turn);
  const box = byId("drawn").getBoundingClientRect();
  const x = clamp(event.clientX - box.left + 12, 0, Math.max(0, box.width - tip.offsetWidth - 6));
  const below = event.clientY - box.top + 18;
  const y = below + tip.offsetHeight > box.height ? event.clientY - box.top - tip.offsetHeight - 8 : below;
  tip.style.transform = `translate(${x}px, ${Math.max(0, y)}px)`;
}

/** Scroll so that the lane of the chosen turn is seen. */
function revealLane() {
  if (state.chosen === null) return;
  const top = tops[state.chosen.speaker] + state.chosen.row * ROW;
  const { scrollTop, clientHeight } = lanesScroll;
  if (top < scrollTop || top + ROW > scrollTop + clientHeight) {
    lanesScroll.scrollTop = top - clientHeight / 2;
  }
}

function startLanes() {
  const draw = oncePerFrame(() => {
    drawAxis();
    drawLanes();
    moveCursors();
  });
  on("view chosen kept looks", draw);
  on("chosen", revealLane);
  on("time", moveCursors);
  lanesScroll.addEventListener("scroll", draw);
  new ResizeObserver(draw).observe(byId("drawn"));
  lanes.addEventListener("pointerdown", press);
  lanes.addEventListener("pointermove", showTip);
  lanes.addEventListener("pointerleave", () => (byId("tip").hidden = true));
  lanes.addEventListener("wheel", wheel, { passive: false });
  lanes.addEventListener("dblclick", (event) => {
    const turn = turnAt(event.offsetX, event.offsetY);
    if (turn !== null) zoomTo(turn);
  });
  byId("zoom-in").addEventListener("click", () => zoom(2));
  byId("zoom-out").addEventListener("click", () => zoom(0.5));
  byId("zoom-all").addEventListener("click", () => setView(data.start, data.end));
}

/** Show a turn from close by, with what is around it. */
function zoomTo(turn) {
  const span = Math.max(4 * (turn.end - turn.start), 2);
  const middle = (turn.start + turn.end) / 2;
  setView(middle - span / 2, middle + span / 2);
}
