// Colours, textures and dashes of emotions in the current theme.

/** One for each of emotion2vec's classes; further classes repeat them. */
const DASHES = [
  [], [7, 3], [2, 3], [9, 3, 2, 3], [5, 2, 1, 2, 1, 2],
  [14, 4], [1, 5], [12, 3, 5, 3], [9, 2, 1, 2, 1, 2, 1, 2],
];
const patterns = new Map();
const scheme = {};

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Use the theme of the reader's system until the button selects another. */
function startStyle() {
  const follow = () => setTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", follow);
  byId("theme").addEventListener("click", () => {
    dark.removeEventListener("change", follow);
    setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  });
  follow();
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  const style = getComputedStyle(document.documentElement);
  for (const each of ["back", "panel", "lane", "line", "text", "muted", "accent"]) {
    scheme[each] = style.getPropertyValue(`--${each}`).trim();
  }
  patterns.clear();
  byId("theme").textContent = name === "dark" ? "Light" : "Dark";
  byId("theme").setAttribute("aria-label", `Use the ${name === "dark" ? "light" : "dark"} theme`);
  emit("style");
}

function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

/** A mix of two colours with `share` of the second. */
function mixed(colour, other, share) {
  const [one, two] = [channels(colour), channels(other)];
  return "#" + one
    .map((value, i) => Math.round(value * (1 - share) + two[i] * share))
    .map((value) => value.toString(16).padStart(2, "0"))
    .join("");
}

function luminance(colour) {
  const [red, green, blue] = channels(colour)
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Black or white, whichever has more contrast with a colour. */
function inkOn(colour) {
  const light = luminance(colour);
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.05 ? "#ffffff" : "#000000";
}

/** The opacity of an emotion's colour: lower for a lower score, 1 without a score. */
function strengthOf(turn) {
  if (turn.score === null) return 1;
  return data.palest + (1 - data.palest) * clamp(turn.score, 0, 1);
}

function fillOf(turn, least = 0) {
  return mixed(scheme.lane, labels[turn.label].colour, Math.max(least, strengthOf(turn)));
}

/** An emotion's colour for lines and edges, which must stand out from the background. */
function edgeOf(label) {
  return mixed(labels[label].colour, scheme.text, 0.35);
}

function dashOf(label) {
  return DASHES[data.classes.indexOf(label) % DASHES.length];
}

/** The canvas pattern of a texture; null for a plain colour. */
function textureOf(context, name) {
  if (name === "plain") return null;
  if (!patterns.has(name)) patterns.set(name, context.createPattern(tile(name), "repeat"));
  return patterns.get(name);
}

function tile(name) {
  const canvas = make("canvas", { width: 12, height: 12 });
  const brush = canvas.getContext("2d");
  brush.fillStyle = name === "dots" ? "#000c" : "#fffb";
  brush.strokeStyle = scheme.text;
  if (name === "bars") [0, 4, 8].forEach((x) => brush.fillRect(x, 0, 2, 12));
  if (name === "dots") [1, 5, 9].forEach((x) => [1, 5, 9].forEach((y) => brush.fillRect(x, y, 2, 2)));
  if (name === "checks") for (let i = 0; i < 8; i++) brush.fillRect((i % 4) * 3, ((i * 3) % 12), 3, 3);
  if (name === "hatched") {
    brush.beginPath();
    for (let x = -12; x <= 12; x += 4) {
      brush.moveTo(x, 12);
      brush.lineTo(x + 12, 0);
    }
    brush.stroke();
  }
  return canvas;
}

/** A small square in the style of turns with a label. */
function swatch(label) {
  const element = make("span", { class: "swatch", "aria-hidden": "true" });
  if (label === null) element.classList.add("hatched");
  else {
    paint(element, label);
  }
  return element;
}

/** Set the colour and the texture of a label on an element. */
function paint(element, label) {
  element.style.backgroundColor = labels[label].colour;
  element.classList.add(labels[label].texture);
}
