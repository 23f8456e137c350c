// The overview: a strip of the whole recording with a frame around the visible time.

const MOST_STRIPS = 24; // lanes that can be distinguished; with more, the speakers who talk first

function drawOverview() {
  const shown = rowsOf.slice(0, MOST_STRIPS);
  const tall = clamp(Math.floor(60 / Math.max(1, shown.length)), 3, 16);
  const { brush, width } = prepared(byId("overview"), Math.max(20, tall * shown.length) + 10);
  const scale = scaleOf(data, width);
  shown.forEach((lane, number) => {
    const each = (tall - 1) / lane.length;
    lane.forEach((row, i) => {
      drawRow(brush, row, data, scale, 5 + number * tall + i * each, Math.max(1, each), false);
    });
  });
  drawNote(brush, fitted(brush, `All ${clock(data.end)}`, scale.left - 20), 10, 16);
  placeWindow();
}

function placeWindow() {
  const scale = scaleOf(data, byId("overview").clientWidth);
  const from = scale.x(state.view.start);
  byId("window").style.transform = `translateX(${from}px)`;
  byId("window").style.width = `${Math.max(6, scale.x(state.view.end) - from)}px`;
}

function goThere(event) {
  if (!(event.buttons & 1)) return;
  const { start, end } = state.view;
  const time = scaleOf(data, byId("overview").clientWidth).time(event.offsetX);
  moveView(time - (end - start) / 2);
}

function startOverview() {
  const draw = oncePerFrame(drawOverview);
  const canvas = byId("overview");
  on("kept style chosen", draw);
  on("view", placeWindow);
  new ResizeObserver(draw).observe(canvas);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    goThere(event);
  });
  canvas.addEventListener("pointermove", goThere);
  const left = speakers.length - MOST_STRIPS;
  byId("strip-note").textContent = left > 0 ? `The overview shows the first ${MOST_STRIPS} speakers, without the other ${left.toLocaleString("en")}.` : "";
}
