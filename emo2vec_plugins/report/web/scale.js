// Positions of times on the canvases, and the time axis.

const RIGHT = 10;
const STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30,
  60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
];

/** Resize a canvas to its element, sharp on any screen; return its brush, width and height. */
function prepared(canvas, height) {
  const width = canvas.clientWidth;
  const scale = devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const brush = canvas.getContext("2d");
  brush.scale(scale, scale);
  brush.font = "12px system-ui, sans-serif";
  brush.textBaseline = "middle";
  return { brush, width, height };
}

/** Width in pixels of the names on the left. */
function gutter(width) {
  return clamp(Math.round(0.13 * width), 70, 170);
}

/** Conversions between times and pixels for a canvas of some width. */
function scaleOf(view, width) {
  const left = gutter(width);
  const pixels = Math.max(1, width - left - RIGHT);
  const span = view.end - view.start;
  return {
    left,
    right: left + pixels,
    second: pixels / span,
    x: (time) => left + ((time - view.start) / span) * pixels,
    time: (x) => view.start + ((x - left) / pixels) * span,
  };
}

function roundStep(span, most) {
  const found = STEPS.find((each) => span <= each * most);
  if (found) return found;
  const days = span / most / 86400;
  const magnitude = 10 ** Math.floor(Math.log10(days));
  return 86400 * Math.ceil(days / magnitude) * magnitude;
}

function ticks(view, most) {
  const every = roundStep(view.end - view.start, most);
  const digits = Math.max(0, Math.ceil(-Math.log10(every) - 1e-9));
  const found = [];
  const last = Math.floor(view.end / every + 1e-9);
  for (let n = Math.ceil(view.start / every - 1e-9); n <= last; n++) {
    found.push({ time: n * every, name: clock(n * every, digits) });
  }
  return found;
}

function ticksFor(width) {
  return ticks(state.view, Math.max(2, Math.floor((width - gutter(width)) / 90)));
}

function drawAxis() {
  const { brush, width, height } = prepared(byId("axis"), 26);
  const scale = scaleOf(state.view, width);
  brush.fillStyle = scheme.muted;
  brush.strokeStyle = scheme.muted;
  brush.textAlign = "center";
  for (const { time, name } of ticksFor(width)) {
    const x = scale.x(time);
    const half = brush.measureText(name).width / 2;
    brush.fillText(name, Math.min(x, width - half - 2), 11);
    drawLine(brush, [[x, height - 6], [x, height]]);
  }
}

function drawLine(brush, points, width = 1, dash = []) {
  brush.lineWidth = width;
  brush.setLineDash(dash);
  brush.beginPath();
  points.forEach(([x, y], i) => (i ? brush.lineTo(x, y) : brush.moveTo(x, y)));
  brush.stroke();
}

const fitting = new Map();

/** A name that fits a number of pixels, with an ellipsis in its middle if needed. */
function fitted(brush, name, pixels) {
  const key = `${pixels} ${name}`;
  if (!fitting.has(key)) fitting.set(key, fit(brush, name, pixels));
  return fitting.get(key);
}

function fit(brush, name, pixels) {
  if (brush.measureText(name).width <= pixels) return name;
  const letters = Array.from(name);
  const shortened = (kept) => {
    const tail = Math.floor(kept / 3);
    return `${letters.slice(0, kept - tail).join("")}…${tail ? letters.slice(-tail).join("") : ""}`;
  };
  const lengths = Array.from({ length: Math.min(letters.length, 200) }, (_, kept) => kept);
  const tooLong = firstWhere(lengths, (kept) => brush.measureText(shortened(kept)).width > pixels);
  return shortened(Math.max(1, tooLong - 1));
}

/** Move the cursors, the vertical lines at the current time. */
function moveCursors() {
  const width = byId("lanes").clientWidth;
  const near = scaleOf(state.view, width).x(state.time);
  const far = scaleOf(data, width).x(state.time);
  const inView = state.time >= state.view.start && state.time <= state.view.end;
  byId("cursor").hidden = !inView;
  byId("cursor").style.transform = `translateX(${near}px)`;
  byId("overview-cursor").style.transform = `translateX(${far}px)`;
}
