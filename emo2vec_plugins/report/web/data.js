// The page's data as objects, and helpers for all other scripts.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const turns = data.turns.start.map((start, index) => ({
  index,
  ...Object.fromEntries(Object.entries(data.turns).map(([name, column]) => [name, column[index]])),
}));
const speakers = data.speakers;
const MOST_NAME = 60; // letters of a name; its title has all of them
const labels = data.labels;
const withHours = Math.max(Math.abs(data.start), Math.abs(data.end)) >= 3600;

/** "m:ss", or "h:mm:ss" in long recordings, with `digits` decimals of the seconds. */
function clock(seconds, digits = 0, hours = withHours) {
  const unit = 10 ** digits;
  const all = Math.round(Math.abs(seconds) * unit);
  const whole = Math.floor(all / unit);
  const part = all % unit;
  const two = (number) => String(number).padStart(2, "0");
  const sign = seconds < 0 && all ? "-" : "";
  const fraction = digits ? "." + String(part).padStart(digits, "0") : "";
  const minutes = Math.floor(whole / 60);
  const front = hours ? `${Math.floor(minutes / 60)}:${two(minutes % 60)}` : String(minutes);
  return `${sign}${front}:${two(whole % 60)}${fraction}`;
}

function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

/** Create an element; children are elements or text, which is never parsed as markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** An element with a name from a file, isolated so that right-to-left text does not affect its surroundings. */
function named(name) {
  const short = shortened(name);
  return make("bdi", { title: short === name ? null : name }, short);
}

/** A choice in a list. */
function choice(value, name) {
  const short = shortened(name);
  return make("option", { value, title: short === name ? null : name }, short);
}

/** A name without its middle, if it is too long for a line. */
function shortened(name) {
  if (name.length <= MOST_NAME) return name;
  const letters = [...name]; // not half a letter
  return letters.length <= MOST_NAME ? name : [...letters.slice(0, 39), "…", ...letters.slice(-20)].join("");
}

/** A name for use within a longer text, isolated in the same way. */
function isolated(name) {
  const short = shortened(name);
  return /^[\x20-\x7e]*$/.test(short) ? short : `\u2068${short}\u2069`;
}

function labelOf(turn) {
  if (turn.label !== null) return labels[turn.label].name;
  return turn.withheld ? "withheld" : "unscored";
}

/** Why a turn has no label, without the word that `labelOf` returns. */
function reasonOf(turn) {
  const reason = turn.reason === null ? "" : data.reasons[turn.reason];
  return turn.withheld ? reason.replace(/^withheld(: )?/, "") : reason;
}

function flagsOf(turn) {
  return turn.flags.map((flag) => data.flags[flag].name).join(", ");
}

function describe(turn) {
  const score = turn.score === null ? "" : ` ${turn.score.toFixed(2)}`;
  const why = reasonOf(turn) === "" ? "" : `: ${isolated(reasonOf(turn))}`;
  const flags = flagsOf(turn);
  const times = `${clock(turn.start, 1)} to ${clock(turn.end, 1)}`;
  const more = flags ? ` (${flags})` : "";
  return `${isolated(speakers[turn.speaker].name)}, ${times}, ${isolated(labelOf(turn))}${score}${why}${more}`;
}

/** The first index in a sorted list at which `test` is true. */
function firstWhere(list, test) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(list[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
