// All of the recording in one strip, with a frame around what is in view.

const MOST_STRIPS = 24; // lanes that can be told apart in it; of more, those who talk first

function drawOverview() {
  const shown = rows.slice(0, MOST_STRIPS);
  const tall = clamp(Math.floor(60 / Math.max(1, shown.length)), 3, 16);
  const { brush, width } = prepared(byId("overview"), Math.max(20, tall * shown.length) + 10);
  const scale = scaleOf(data, width);
  shown.forEach((lane, number) => {
    for (const row of lane) {
      drawRow(brush, row, data, scale, 5 + number * tall, tall - 1, false);
    }
  });
  brush.fillStyle = scheme.muted;
  brush.textAlign = "left";
  brush.fillText(fitted(brush, `All ${clock(data.end)}`, scale.left - 20), 10, 16);
  placeWindow();
}

function placeWindow() {
  const scale = scaleOf(data, byId("overview").clientWidth);
  const from = scale.x(state.view.start);
  byId("window").style.transform = `translateX(${from}px)`;
  byId("window").style.width = `${Math.max(6, scale.x(state.view.end) - from)}px`;
}

function goThere(event) {
  if (!event.buttons) return;
  const { start, end } = state.view;
  const half = (end - start) / 2;
  const time = scaleOf(data, byId("overview").clientWidth).time(event.offsetX);
  const middle = clamp(time, data.start + half, data.end - half);
  setView(middle - half, middle + half);
}

function startOverview() {
  const draw = oncePerFrame(drawOverview);
  const canvas = byId("overview");
  on("kept looks chosen", draw);
  on("view", placeWindow);
  new ResizeObserver(draw).observe(canvas);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    goThere(event);
  });
  canvas.addEventListener("pointermove", goThere);
}
