// The table of turns, with filters, sorting and pages.

const PAGE = 100;
const NO_LABEL = ["unscored", "withheld"]; // what stands in the place of a label
const MISSING = null; // a missing value, which is last in either direction
const table = { page: 0, by: "start", isDown: false, sorted: turns, list: turns };
const folded = (words) => words.toLocaleLowerCase();
const words = new Intl.Collator(undefined, { numeric: true });

const COLUMNS = [
  { name: "speaker", of: (turn) => speakers[turn.speaker].name },
  { name: "start", of: (turn) => turn.start, isNumber: true },
  { name: "duration", of: (turn) => turn.end - turn.start, isNumber: true },
  { name: "emotion", of: (turn) => (turn.label === null ? MISSING : labelOf(turn)) },
  { name: "score", of: (turn) => turn.score ?? MISSING, isNumber: true },
  { name: "flags", of: (turn) => flagsOf(turn) || MISSING },
];

const searchTexts = new Map();

/** The text of a turn that a search is compared with. */
function searchTextOf(turn) {
  if (!searchTexts.has(turn)) {
    const parts = [speakers[turn.speaker].name, labelOf(turn), flagsOf(turn), reasonOf(turn), clock(turn.start, 2)];
    searchTexts.set(turn, folded(parts.join(" ")));
  }
  return searchTexts.get(turn);
}

function applyFilters() {
  const [speaker, label, flag] = ["by-speaker", "by-label", "by-flag"].map((id) => byId(id).value);
  const wanted = folded(byId("by-text").value).split(/\s+/).filter(Boolean);
  const fits = (turn) =>
    (speaker === "" || turn.speaker === Number(speaker)) &&
    (label === "" || (NO_LABEL.includes(label) ? labelOf(turn) === label && turn.label === null : turn.label === Number(label))) &&
    (flag === "" || (flag === "none" ? !turn.flags.length : turn.flags.includes(Number(flag)))) &&
    wanted.every((word) => searchTextOf(turn).includes(word));
  keep(turns.filter(fits));
}

/** All turns, sorted by the current column. */
function sorted() {
  const { of, isNumber } = COLUMNS.find(({ name }) => name === table.by);
  const sign = table.isDown ? -1 : 1;
  const compare = isNumber ? (one, other) => one - other : words.compare;
  const keyed = turns.map((turn) => [of(turn), turn]);
  keyed.sort(([one, a], [other, b]) => {
    if (one === MISSING || other === MISSING) return (one === MISSING) - (other === MISSING) || a.index - b.index;
    return sign * compare(one, other) || a.index - b.index;
  });
  return keyed.map(([, turn]) => turn);
}

function sortBy(name) {
  table.isDown = table.by === name ? !table.isDown : false;
  table.by = name;
  table.sorted = sorted();
  showOrder();
  showList();
}

/** Show the turns that match the filters, on the page with the selected turn or the first page. */
function showList() {
  table.list = table.sorted.filter(isKept);
  table.page = Math.max(0, Math.floor(table.list.indexOf(state.chosen) / PAGE));
  showPage();
}

function makeHead() {
  byId("columns").append(...COLUMNS.map(({ name, isNumber }) =>
    make("th", { scope: "col", class: isNumber ? "number" : "", "data-column": name },
      make("button", { type: "button", onclick: () => sortBy(name) }, name, make("span", { "aria-hidden": "true" })))));
  showOrder();
}

function showOrder() {
  for (const head of byId("columns").cells) {
    const isBy = head.dataset.column === table.by;
    if (isBy) head.setAttribute("aria-sort", table.isDown ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
    head.querySelector("span").textContent = isBy ? (table.isDown ? " ▼" : " ▲") : "";
  }
}

function showPage() {
  const pages = Math.max(1, Math.ceil(table.list.length / PAGE));
  table.page = clamp(table.page, 0, pages - 1);
  const from = table.page * PAGE;
  byId("rows").replaceChildren(...table.list.slice(from, from + PAGE).map(rowFor));
  byId("nothing").hidden = table.list.length > 0;
  byId("nothing").textContent = turns.length ? "No turns match the filters." : "This recording has no turns.";
  byId("count").textContent = table.list.length === turns.length
    ? counted(turns.length, "turn")
    : `${table.list.length.toLocaleString("en")} of ${counted(turns.length, "turn")}`;
  byId("page").textContent = `page ${table.page + 1} of ${pages}`;
  // Not disabled, because a disabled button loses the focus.
  byId("page-before").setAttribute("aria-disabled", String(table.page === 0));
  byId("page-after").setAttribute("aria-disabled", String(table.page === pages - 1));
  byId("table-scroll").scrollTop = 0;
  showChosen();
}

function rowFor(turn) {
  const flags = turn.flags.map((flag) => make("span", { class: "flag", title: data.flags[flag].meaning }, named(data.flags[flag].name)));
  const why = reasonOf(turn) === "" ? [] : [make("span", { class: "muted" }, ": ", named(reasonOf(turn)))];
  const start = make("button", { type: "button", "aria-label": `Play ${describe(turn)}` }, clock(turn.start, 2));
  return make("tr", { "data-turn": turn.index, onclick: () => getSelection().isCollapsed && visit(turn) },
    make("td", {}, named(speakers[turn.speaker].name)),
    make("td", { class: "number" }, start),
    make("td", { class: "number" }, (turn.end - turn.start).toFixed(2)),
    make("td", {}, swatch(turn.label), " ", named(labelOf(turn)), ...why),
    make("td", { class: "number" }, turn.score === null ? "" : turn.score.toFixed(2)),
    make("td", {}, ...flags));
}

function showChosen() {
  const before = byId("rows").querySelector("[aria-current]");
  if (before) before.removeAttribute("aria-current");
  if (state.chosen === null) return;
  const row = byId("rows").querySelector(`[data-turn="${state.chosen.index}"]`);
  if (row === null) return;
  row.setAttribute("aria-current", "true");
  scrollToRow(row);
}

/** Scroll only the table, not the page. */
function scrollToRow(row) {
  const box = byId("table-scroll");
  const top = row.offsetTop - byId("columns").offsetHeight;
  const bottom = row.offsetTop + row.offsetHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight + 60;
}

function turnPageToChosen() {
  const page = Math.floor(table.list.indexOf(state.chosen) / PAGE);
  if (page < 0 || page === table.page) return showChosen();
  table.page = page;
  showPage();
}

function turnPage(by) {
  table.page += by;
  showPage();
}

function fillChoices(id, names, others) {
  byId(id).append(choice("", "all"), ...names.map((name, i) => choice(i, name)), ...others.map((each) => choice(...each)));
}

/** Leave the search field and keep its text; browsers would clear it on Escape without an event. */
function leaveText(event) {
  if (event.key !== "Escape") return;
  event.preventDefault();
  event.target.blur();
}

function startTable() {
  fillChoices("by-speaker", speakers.map((speaker) => speaker.name), []);
  fillChoices("by-label", labels.map((label) => label.name), NO_LABEL.map((name) => [name, name]));
  fillChoices("by-flag", data.flags.map((flag) => flag.name), [["none", "no flag"]]);
  byId("filters").addEventListener("input", applyFilters);
  byId("filters").addEventListener("reset", () => setTimeout(applyFilters));
  byId("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    byId("by-text").blur();
  });
  byId("by-text").addEventListener("keydown", leaveText);
  byId("page-before").addEventListener("click", () => turnPage(-1));
  byId("page-after").addEventListener("click", () => turnPage(1));
  on("kept", showList);
  on("chosen", turnPageToChosen);
  makeHead();
  showList();
}
