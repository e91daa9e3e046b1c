// The table as it stands in the page: which rows and columns show, in what order, at which level.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const figure = (count) => count.toLocaleString("en");

const matrix = $("#matrix");
const heads = [...matrix.tHead.rows[1].cells];
const FIXED = Number(matrix.dataset.fixed); // columns before the first cell: target, tallies, trend
const columns = heads.slice(FIXED).map((head) => ({
  key: head.dataset.key,
  title: head.textContent,
  parameter: head.classList.contains("p"),
}));
const rows = $$("tbody > tr[data-row]", matrix).map((tr) => ({
  tr,
  home: tr.parentNode,
  unasked: "unasked" in tr.dataset, // nothing is known of it yet
  number: Number(tr.dataset.row),
  key: tr.dataset.key,
  name: `${tr.dataset.key}\n${tr.cells[0].textContent}`.toLowerCase(),
}));
const STATES = "bkwhriau"; // the worst first; the first letter of a cell's classes is its state
const TELLING = "bkwhr";
const BY_ROW = ["name", "must", "should", "age"]; // what can be sorted by, besides columns
const stateOf = (td) => td.className[0];

// What a row's cells are when every rule counts: read once, before anything is changed.
function base(row) {
  row.base ??= [...row.tr.cells].slice(FIXED).map((td) => ({ td, css: td.className, text: td.textContent }));
  return row.base;
}

function tally(text) {
  const [held, told = held] = text.split("/").map(Number);
  return { held, told };
}

// What a cell is when only MUST, or only SHOULD, rules count. A disposition has no level.
function levelled({ css, text }, must, level) {
  if (!level || css.includes("p")) return { css, text };
  const on = tally(must || "0");
  if (level === "should") {
    const all = tally(text || "0");
    on.held = all.held - on.held;
    on.told = all.told - on.told;
  }
  if (!on.told) return { css: "bkwh".includes(css) ? "u" : css, text: "" };
  if (on.held === on.told) return { css: "h", text: `${on.told}` };
  return { css: level === "must" ? css : "w", text: `${on.held}/${on.told}` };
}

let level = "";

function relevel(wanted) {
  if (wanted === level) return;
  level = wanted;
  for (const row of rows) {
    const musts = row.tr.dataset.musts.split(",");
    base(row).forEach((cell, i) => {
      const { css, text } = levelled(cell, musts[i], level);
      if (cell.td.className === css && cell.td.textContent === text) return;
      cell.td.className = css;
      cell.td.textContent = text;
      cell.td.removeAttribute("title");
    });
  }
}

// The first and the last of the columns that show.
function range(show) {
  const parameter = columns.findIndex((column) => column.parameter);
  const split = parameter < 0 ? columns.length : parameter;
  if (show === "capabilities") return [0, split - 1];
  if (show === "parameters") return [split, columns.length - 1];
  const one = columns.findIndex((column) => column.key === show);
  return one < 0 ? [0, columns.length - 1] : [one, one];
}

// One rule hides a column's cells; a class on each of 30,000 of them would be slower.
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [sheet];

let columned = "";

function showColumns([first, last]) {
  const all = first === 0 && last === columns.length - 1;
  const asked = all ? "" : `${first} ${last}`;
  if (asked === columned) return;
  columned = asked;
  const cells = `#matrix tr:not(.top, .group) > :nth-child(n + ${FIXED + 1})`;
  const kept = `:nth-child(n + ${FIXED + first + 1}):nth-child(-n + ${FIXED + last + 1})`;
  sheet.replaceSync(all ? "" : `${cells}:not(${kept}) { display: none }`);
  const shown = columns.slice(first, last + 1);
  const parameters = shown.filter((column) => column.parameter).length;
  const counts = { capabilities: shown.length - parameters, parameters };
  for (const [what, count] of Object.entries(counts)) {
    matrix.style.setProperty(`--${what}`, count);
    const th = $(`.top .${what}`, matrix);
    if (th) Object.assign(th, { hidden: !count, colSpan: count || 1 });
  }
  for (const th of $$(".group > th", matrix)) th.colSpan = FIXED + last - first + 1;
}

let filtered = ["", false, "", "", "", "", "", ""].join("\n"); // what the page is like at first

// Shows the rows that fit and fades the cells that do not; says how many there are.
function filter(view, hits) {
  const [first, last] = range(view.show);
  const asked = [view.q, Boolean(hits && view.q), view.provider, view.state, view.news, view.unasked, columned, level].join("\n");
  if (asked === filtered) return;
  filtered = asked;
  const words = view.q.toLowerCase();
  const counts = Object.fromEntries([...STATES].map((state) => [state, 0]));
  let shown = 0;
  let kept = 0; // of those that nobody asked yet, which fit as well
  for (const row of rows) {
    const named = !words || row.name.includes(words);
    const fits = ({ td }, i) =>
      (!view.state || view.state.includes(stateOf(td))) && (named || Boolean(hits?.(row.number, i, words)));
    const its = !view.provider || row.home.dataset.key === view.provider;
    const there = its && (!view.news || "news" in row.tr.dataset);
    const any = there && fade(row, view.state || !named ? fits : null, first, last);
    const fit = any || (there && named && !view.state);
    row.tr.hidden = !fit || (row.unasked && !view.unasked);
    if (fit && row.tr.hidden) kept += 1;
    if (row.tr.hidden) continue;
    shown += 1;
    for (const { td } of base(row).slice(first, last + 1)) counts[stateOf(td)] += 1;
  }
  for (const button of $$(".legend button")) $("b", button).textContent = figure(counts[button.dataset.state]);
  const all = rows.filter((row) => view.unasked || !row.unasked).length;
  $("#shown").textContent =
    `${figure(shown)} of ${figure(all)} targets, ` +
    `${figure(last - first + 1)} of ${figure(columns.length)} columns` +
    (kept ? `; ${figure(kept)} that nobody asked yet not shown` : "");
}

// A provider of which no row shows, or is at home, does not show either.
function headings() {
  for (const body of matrix.tBodies) body.hidden = ![...body.rows].some((tr) => tr.dataset.row && !tr.hidden);
}

// Fades the cells of a row that do not fit, where some need not; says whether any that shows does.
function fade(row, fits, first, last) {
  if (!fits && !row.faded) return false;
  row.faded = Boolean(fits);
  let any = false;
  base(row).forEach((cell, i) => {
    const fit = !fits || fits(cell, i);
    cell.td.classList.toggle("x", !fit);
    any ||= fit && i >= first && i <= last;
  });
  return any;
}

// What a row is sorted by; infinite for what goes last, whichever the direction.
function weight(row, key) {
  if (key === "name") return 0;
  if (BY_ROW.includes(key)) return row.tr.dataset[key] ? Number(row.tr.dataset[key]) : Infinity;
  const { td } = base(row)[columns.findIndex((column) => column.key === key)];
  if (!TELLING.includes(stateOf(td))) return Infinity;
  const { held, told } = tally(td.textContent);
  return STATES.indexOf(stateOf(td)) + (told ? held / told / 2 : 0);
}

function compared(key, down) {
  const way = down ? -1 : 1;
  const weights = new Map(rows.map((row) => [row, weight(row, key)]));
  return (a, b) => {
    const [x, y] = [weights.get(a), weights.get(b)];
    if (x === y) return (a.number - b.number) * (key === "name" ? way : 1);
    return x === Infinity || y === Infinity ? x - y : (x - y) * way;
  };
}

const flat = document.createElement("tbody");
let order = "";

// By provider each row is at home; by anything else all are in one body, and say whose they are.
function sort(view) {
  const key = BY_ROW.includes(view.sort) || columns.some((column) => column.key === view.sort) ? view.sort : "";
  const asked = key && `${key} ${view.down} ${level}`;
  if (asked === order) return;
  order = asked;
  matrix.classList.toggle("flat", key !== "");
  if (key) {
    flat.append(...[...rows].sort(compared(key, view.down)).map((row) => row.tr));
    matrix.append(flat);
  } else {
    flat.remove();
    for (const row of rows) row.home.append(row.tr);
  }
  for (const head of heads) {
    head.removeAttribute("aria-sort");
    if (key && head.dataset.key === key) head.setAttribute("aria-sort", view.down ? "descending" : "ascending");
  }
}
