// The address is the state: what shows follows from it, and what one does only changes it.

const form = $("#filters");
const panel = $("#panel");
const FIELDS = ["q", "provider", "show", "level", "sort"];
const FLAGS = ["down", "news", "unasked"];
const NO_CELL = { cell: "", column: "" };

function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const names = [...FIELDS, ...FLAGS, "state", "cell", "column"];
  return Object.fromEntries(names.map((name) => [name, given.get(name) ?? ""]));
}

// Goes to a view: as an entry of its own in the history, or in place of the one there is.
function visit(view, { replace = false, opened = false } = {}) {
  const to = `#${new URLSearchParams(Object.entries(view).filter(([, value]) => value))}`;
  if (to === (location.hash || "#")) return;
  history[replace ? "replaceState" : "pushState"]({ opened }, "", to);
  render();
}

let hits; // says whether a text is behind a cell; there once the evidence is unpacked

async function render() {
  const view = read();
  if (!view.unasked && rows.some((row) => row.unasked && row.key === view.cell)) {
    visit({ ...view, unasked: "1" }, { replace: true });
    return;
  }
  for (const name of FIELDS) {
    const field = form.elements[name];
    if (field.value !== view[name]) field.value = view[name];
    if (field.selectedIndex < 0 && name !== "provider") field.value = ""; // as what is not known is taken
  }
  for (const name of FLAGS) form.elements[name].checked = Boolean(view[name]);
  for (const button of $$(".legend button")) {
    button.setAttribute("aria-pressed", view.state.includes(button.dataset.state));
  }
  relevel(["must", "should"].includes(view.level) ? view.level : "");
  showColumns(range(view.show));
  sort(view);
  filter(view, hits);
  headings();
  if (!visible(current)) settle(heads[0]);
  if (view.q && !hits) search();
  await show(view);
}

async function search() {
  hits = await searcher().catch(() => () => false);
  render();
}

// Opens the cell that the address names, or closes the panel where it names none.
async function show(view) {
  const row = rows.find((one) => one.key === view.cell);
  const column = columns.findIndex((one) => one.key === view.column);
  const found = row && column >= 0;
  $("#missing").hidden = Boolean(found || !view.cell);
  if (!found) {
    if (panel.open) panel.close();
    return;
  }
  const { td } = base(row)[column];
  if (panel.open && td.classList.contains("on")) return;
  try {
    fill(panel, await evidence(), row, column, said(td));
  } catch (error) {
    panel.replaceChildren(el("p", { className: "body" }, `The evidence cannot be unpacked here: ${error}`));
  }
  if (read().cell !== view.cell || read().column !== view.column) return; // one was faster
  $("td.on", matrix)?.classList.remove("on");
  td.classList.add("on");
  settle(td);
  if (!panel.open) panel.showModal();
  panel.scrollTop = 0;
  $("#panel-title")?.focus();
}

function closed() {
  const td = $("td.on", matrix);
  td?.classList.remove("on");
  if (td && visible(td) && !matrix.contains(document.activeElement)) go(td); // may have moved on
  if (!read().cell) return;
  if (history.state?.opened) history.back();
  else visit({ ...read(), ...NO_CELL }, { replace: true });
}

function edited(event) {
  const view = { ...read(), ...NO_CELL };
  for (const name of FIELDS) view[name] = form.elements[name].value;
  for (const name of FLAGS) view[name] = form.elements[name].checked ? "1" : "";
  visit(view, { replace: event.type === "input" });
}

// A heading sorts, then the other way round, then no more.
function sortBy(key) {
  const view = read();
  const again = view.sort === key;
  visit({ ...view, sort: again && view.down ? "" : key, down: again && !view.down ? "1" : "" });
}

function press(cell) {
  const row = rows.find((one) => one.tr === cell.parentNode);
  if (row && cell.cellIndex >= FIXED) {
    const { key } = columns[cell.cellIndex - FIXED];
    visit({ ...read(), cell: row.key, column: key }, { opened: true });
  } else if (heads.includes(cell) && cell.dataset.key) sortBy(cell.dataset.key);
}

function pressed(event) {
  const cell = event.target.closest("td, th");
  if (!cell || !(heads.includes(cell) || cell.parentNode.dataset.row)) return;
  settle(cell);
  press(cell);
}

matrix.addEventListener("click", pressed);
matrix.addEventListener("keydown", (event) => {
  if (event.target !== current) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    press(current);
  } else move(event);
});
matrix.addEventListener("pointerover", (event) => {
  const td = event.target.closest("tbody td");
  if (td && td.cellIndex >= FIXED && !td.title) td.title = said(td);
});
panel.addEventListener("close", closed);
panel.addEventListener("click", (event) => {
  if (event.target === panel) panel.close(); // the backdrop
});
for (const name of [...FIELDS, ...FLAGS]) {
  form.elements[name].addEventListener(name === "q" ? "input" : "change", edited);
}
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", (event) => {
  event.preventDefault();
  visit({});
});
for (const button of $$(".legend button")) {
  button.addEventListener("click", () => {
    const view = { ...read(), ...NO_CELL };
    const { state } = button.dataset;
    view.state = view.state.includes(state) ? view.state.replace(state, "") : view.state + state;
    visit(view);
  });
}
$(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  go(current);
});
addEventListener("popstate", render);

matrix.setAttribute("role", "grid");
$(".scroll").removeAttribute("tabindex"); // its cells scroll it
document.documentElement.classList.add("ready");
if (matchMedia("(max-width: 700px)").matches) for (const fold of $$("details.fold")) fold.open = false;
settle(rows.find((row) => !row.unasked)?.tr.cells[0] ?? heads[0]);
render();
