// The turns as a table, to filter and to sort, a page at a time.

const PAGE = 100;
const table = { page: 0, by: "start", down: false, list: turns };
const text = (value) => value.toLocaleLowerCase();

const COLUMNS = [
  { name: "speaker", of: (turn) => text(speakers[turn.speaker].name) },
  { name: "start", of: (turn) => turn.start, number: true },
  { name: "length", of: (turn) => turn.end - turn.start, number: true },
  { name: "emotion", of: (turn) => (turn.label === null ? "\uffff" : text(labelOf(turn))) },
  { name: "score", of: (turn) => turn.score ?? -1, number: true },
  { name: "flags", of: (turn) => flagsOf(turn) || "\uffff" },
];

function flagsOf(turn) {
  return turn.flags.map((flag) => data.flags[flag].name).join(", ");
}

/** What the field for text is compared with. */
function wordsOf(turn) {
  return text([speakers[turn.speaker].name, labelOf(turn), flagsOf(turn), reasonOf(turn), clock(turn.start)].join(" "));
}

function filter() {
  const [speaker, label, flag] = ["by-speaker", "by-label", "by-flag"].map((id) => byId(id).value);
  const words = text(byId("by-text").value).split(/\s+/).filter(Boolean);
  const fits = (turn) =>
    (speaker === "" || turn.speaker === Number(speaker)) &&
    (label === "" || (label === "none" ? turn.label === null : turn.label === Number(label))) &&
    (flag === "" || (flag === "none" ? !turn.flags.length : turn.flags.includes(Number(flag)))) &&
    words.every((word) => wordsOf(turn).includes(word));
  keep(turns.filter(fits));
}

function sort() {
  const { of } = COLUMNS.find(({ name }) => name === table.by);
  const sign = table.down ? -1 : 1;
  const keyed = state.kept.map((turn) => [of(turn), turn]);
  keyed.sort(([one, a], [other, b]) => sign * compare(one, other) || a.index - b.index);
  table.list = keyed.map(([, turn]) => turn);
}

function compare(one, other) {
  return typeof one === "string" ? one.localeCompare(other, undefined, { numeric: true }) : one - other;
}

function sortBy(name) {
  table.down = table.by === name ? !table.down : false;
  table.by = name;
  refresh();
}

/** Sort anew, and show the page with the turn that is chosen, or the first. */
function refresh() {
  sort();
  table.page = Math.max(0, Math.floor(table.list.indexOf(state.chosen) / PAGE));
  showHead();
  showPage();
}

function showHead() {
  byId("columns").replaceChildren(...COLUMNS.map(({ name, number }) => {
    const sorted = table.by === name;
    const arrow = sorted ? (table.down ? " ▼" : " ▲") : "";
    return make("th", { scope: "col", class: number ? "number" : "", "aria-sort": sorted ? (table.down ? "descending" : "ascending") : null },
      make("button", { type: "button", onclick: () => sortBy(name) }, name, make("span", { "aria-hidden": "true" }, arrow)));
  }));
}

function showPage() {
  const pages = Math.max(1, Math.ceil(table.list.length / PAGE));
  table.page = clamp(table.page, 0, pages - 1);
  const from = table.page * PAGE;
  byId("rows").replaceChildren(...table.list.slice(from, from + PAGE).map(rowOf));
  byId("count").textContent = table.list.length === turns.length
    ? counted(turns.length, "turn")
    : `${table.list.length.toLocaleString("en")} of ${counted(turns.length, "turn")}`;
  byId("page").textContent = `page ${table.page + 1} of ${pages}`;
  byId("page-before").disabled = table.page === 0;
  byId("page-after").disabled = table.page === pages - 1;
  byId("table-scroll").scrollTop = 0;
  showChosen();
}

function rowOf(turn) {
  const flags = turn.flags.map((flag) => make("span", { class: "flag", title: data.flags[flag].meaning }, named(data.flags[flag].name)));
  const why = turn.reason === null ? [] : [make("span", { class: "muted" }, ": ", named(reasonOf(turn)))];
  const row = make("tr", { "data-turn": turn.index, "aria-current": "false", onclick: () => visit(turn) },
    make("td", {}, named(speakers[turn.speaker].name)),
    make("td", { class: "number" }, clock(turn.start, 2)),
    make("td", { class: "number" }, (turn.end - turn.start).toFixed(2)),
    make("td", {}, swatch(turn.label), " ", named(labelOf(turn)), ...why),
    make("td", { class: "number" }, turn.score === null ? "" : turn.score.toFixed(2)),
    make("td", {}, ...flags));
  return row;
}

function showChosen() {
  const before = byId("rows").querySelector('[aria-current="true"]');
  if (before) before.setAttribute("aria-current", "false");
  if (state.chosen === null) return;
  const row = byId("rows").querySelector(`[data-turn="${state.chosen.index}"]`);
  if (row) {
    row.setAttribute("aria-current", "true");
    scrollTo(row);
  }
}

/** Scroll the table alone: the page stays where the reader has it. */
function scrollTo(row) {
  const box = byId("table-scroll");
  const top = row.offsetTop - byId("columns").offsetHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (row.offsetTop + row.offsetHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = row.offsetTop + row.offsetHeight - box.clientHeight + 60;
  }
}

function turnPageToChosen() {
  const place = table.list.indexOf(state.chosen);
  const page = Math.floor(place / PAGE);
  if (place < 0 || page === table.page) return showChosen();
  table.page = page;
  showPage();
}

function choices(id, all, others) {
  const option = ([value, name]) => make("option", { value }, name);
  byId(id).append(option(["", "all"]), ...all.map((name, i) => option([i, name])), ...others.map(option));
}

function startTable() {
  choices("by-speaker", speakers.map((speaker) => speaker.name), []);
  choices("by-label", labels.map((label) => label.name), [["none", "unscored"]]);
  choices("by-flag", data.flags.map((flag) => flag.name), [["none", "no flag"]]);
  byId("filters").addEventListener("input", filter);
  byId("filters").addEventListener("reset", () => setTimeout(filter));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("page-before").addEventListener("click", () => turnPage(-1));
  byId("page-after").addEventListener("click", () => turnPage(1));
  on("kept", refresh);
  on("chosen", turnPageToChosen);
  refresh();
}

function turnPage(by) {
  table.page += by;
  showPage();
}
