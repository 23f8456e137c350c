// The lanes of the visible time: drawing, dragging, zooming and clicks.

const ROW = 24; // height of a row of turns, in pixels
const PAD = 5; // pixels above and below a lane
const DRAGGED = 4; // pixels of movement that turn a click into a drag
const NEAR = 4; // pixels beside a turn that still count as the turn
const tops = [];
let lanesHeight = PAD;
for (const speaker of speakers) {
  tops.push(lanesHeight);
  lanesHeight += ROW * speaker.rows + 2 * PAD;
}
const lanes = byId("lanes");
const lanesScroll = byId("lanes-scroll");

function drawLanes() {
  byId("lanes-height").style.height = `${Math.max(40, lanesHeight)}px`;
  const visible = Math.max(40, Math.min(lanesHeight, lanesScroll.clientHeight || lanesHeight));
  const { brush, width, height } = prepared(lanes, visible);
  const scale = scaleOf(state.view, width);
  brush.strokeStyle = scheme.line;
  for (const { time } of ticksFor(width)) drawLine(brush, [[scale.x(time), 0], [scale.x(time), height]]);
  speakers.forEach((speaker, lane) => {
    const top = tops[lane] - lanesScroll.scrollTop;
    if (top + ROW * speaker.rows >= 0 && top <= height) drawLane(brush, lane, scale, top, height);
  });
  if (!turns.length) drawNote(brush, "This recording has no turns.", scale.left + 10, height / 2);
  Object.assign(lanes.dataset, { start: state.view.start, end: state.view.end, left: scale.left, right: scale.right });
}

function drawNote(brush, words, x, y) {
  brush.fillStyle = scheme.muted;
  brush.textAlign = "left";
  brush.fillText(words, x, y);
}

function drawLane(brush, lane, scale, top, height) {
  const tall = ROW * speakers[lane].rows;
  brush.fillStyle = scheme.lane;
  brush.fillRect(scale.left, top, scale.right - scale.left, tall);
  brush.save();
  brush.beginPath();
  brush.rect(scale.left - 2, top - 3, scale.right - scale.left + 4, tall + 6);
  brush.clip();
  const first = Math.max(0, Math.floor(-top / ROW));
  const last = Math.ceil((height - top) / ROW);
  rowsOf[lane].slice(first, last).forEach((row, i) => {
    drawRow(brush, row, state.view, scale, top + (first + i) * ROW + 1, ROW - 2, true);
  });
  brush.restore();
  const middle = clamp(top + tall / 2, Math.min(top + tall - 12, 12), Math.max(top + 12, height - 12));
  brush.fillStyle = scheme.text;
  brush.textAlign = "left";
  brush.fillText(fitted(brush, speakers[lane].name, scale.left - 20), 10, middle);
}

/** The turn at a position on the canvas, or the nearest in its row within a few pixels. */
function turnNear(x, y) {
  const scale = scaleOf(state.view, lanes.clientWidth);
  const place = y + lanesScroll.scrollTop;
  const lane = firstWhere(tops, (top) => top > place) - 1;
  if (lane < 0 || place >= tops[lane] + ROW * speakers[lane].rows || x < scale.left - NEAR) return null;
  const row = rowsOf[lane][Math.floor((place - tops[lane]) / ROW)];
  const reach = NEAR / scale.second;
  const time = scale.time(x);
  const away = (turn) => Math.max(turn.start - time, time - turn.end, 0);
  let nearest = null;
  for (const turn of turnsWithin(row, time - reach, time + reach)) {
    if (isKept(turn) && (nearest === null || away(turn) < away(nearest))) nearest = turn;
  }
  return nearest;
}

const drag = { from: 0, start: 0, held: false, moved: false };
let pressedTurn = null; // of the first click of a double click, which may have moved the view

function startDrag(event) {
  drag.moved = false;
  if (event.button !== 0) return;
  Object.assign(drag, { from: event.clientX, start: state.view.start, held: true });
}

function moveDrag(event) {
  if (!drag.held) return;
  const by = event.clientX - drag.from;
  if (!drag.moved && Math.abs(by) <= DRAGGED) return;
  if (!drag.moved) lanes.setPointerCapture(event.pointerId);
  drag.moved = true;
  lanes.classList.add("moving");
  moveView(drag.start - by / scaleOf(state.view, lanes.clientWidth).second);
}

function endDrag() {
  drag.held = false;
  lanes.classList.remove("moving");
}

function onClick(event) {
  if (drag.moved || event.detail > 1) return;
  pressedTurn = turnNear(event.offsetX, event.offsetY);
  if (pressedTurn !== null) return visit(pressedTurn, { pointedAt: true });
  const scale = scaleOf(state.view, lanes.clientWidth);
  if (event.offsetX >= scale.left) seek(scale.time(event.offsetX));
}

function onWheel(event) {
  const isZoom = event.ctrlKey || event.metaKey;
  const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (!isZoom && !isSideways) return;
  event.preventDefault();
  const scale = scaleOf(state.view, lanes.clientWidth);
  const unit = event.deltaMode ? 30 : 1; // Firefox reports lines
  if (isZoom) zoom(Math.exp(-event.deltaY * unit * 0.004), scale.time(event.offsetX));
  else pan(((event.deltaX || event.deltaY) * unit) / (scale.right - scale.left));
}

function showTip(event) {
  const tip = byId("tip");
  const turn = event.buttons ? null : turnNear(event.offsetX, event.offsetY);
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

function hideTip() {
  byId("tip").hidden = true;
}

/** Scroll the lane of the selected turn into view. */
function revealLane() {
  if (state.chosen === null) return;
  const top = tops[state.chosen.speaker] + state.chosen.row * ROW;
  const { scrollTop, clientHeight } = lanesScroll;
  if (top < scrollTop || top + ROW > scrollTop + clientHeight) lanesScroll.scrollTop = top - clientHeight / 2;
}

function startLanes() {
  const draw = oncePerFrame(() => {
    drawAxis();
    drawLanes();
    moveCursors();
  });
  on("view chosen kept style", draw);
  on("view", hideTip);
  on("chosen", revealLane);
  on("time", moveCursors);
  lanesScroll.addEventListener("scroll", draw);
  new ResizeObserver(draw).observe(byId("drawn"));
  const handlers = { pointerdown: startDrag, pointerup: endDrag, pointercancel: endDrag, pointerleave: hideTip, click: onClick };
  for (const [event, listener] of Object.entries(handlers)) lanes.addEventListener(event, listener);
  lanes.addEventListener("pointermove", (event) => {
    moveDrag(event);
    showTip(event);
  });
  lanes.addEventListener("wheel", onWheel, { passive: false });
  lanes.addEventListener("dblclick", () => pressedTurn && zoomTo(pressedTurn));
  byId("zoom-in").addEventListener("click", () => zoom(2));
  byId("zoom-out").addEventListener("click", () => zoom(0.5));
  byId("zoom-all").addEventListener("click", showAll);
}
