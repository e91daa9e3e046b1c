// The matrix is one stop for Tab; arrows move in it. Only the cell one is at can take the focus.

const WORDS = new Map($$(".legend button").map((button) => [button.dataset.state, button.dataset.word]));
const LETTERS = new Map($$(".key kbd").map((kbd) => [kbd.textContent, kbd.nextSibling.textContent.trim()]));
const PAGE = 10;
let current;

const visible = (cell) => cell.getClientRects().length > 0;

// The rows one can be in: the headings, and every target's that shows.
function places() {
  return [matrix.tHead.rows[1], ...$$("tbody > tr[data-row]", matrix).filter(visible)];
}

function settle(cell) {
  if (current !== cell) current?.removeAttribute("tabindex");
  current = cell;
  current.tabIndex = 0;
}

// Moves to a cell and has it say what it is, where its mark or letter says too little.
function go(cell) {
  settle(cell);
  if (cell.tagName === "TD") cell.role = "gridcell"; // not all browsers see it in a box that is no table's
  if (cell.tagName === "TD" && cell.cellIndex >= FIXED) cell.ariaLabel = said(cell);
  cell.focus();
}

function said(td) {
  const [css, text] = [td.className.split(" "), td.textContent];
  const word = WORDS.get(css[0]);
  if (css.includes("p")) return `${word}: ${LETTERS.get(text)}${css.includes("d") ? `, ${LETTERS.get("!")}` : ""}`;
  if (!text) return word;
  const { held, told } = tally(text);
  return `${word}: ${held} of ${told} rules held`;
}

// The first cell of a row that shows, going this way from here.
function along(row, from, step) {
  const cells = [...row.cells];
  for (let i = from; cells[i]; i += step) if (visible(cells[i])) return cells[i];
  return current;
}

function move(event) {
  if (event.altKey || event.metaKey) return;
  const row = current.parentNode;
  const column = current.cellIndex;
  const all = places();
  const down = (by) => {
    const to = Math.min(all.length - 1, Math.max(0, all.indexOf(row) + by));
    return all[to].cells[column];
  };
  const by = event.ctrlKey ? all.length : 1;
  const moves = {
    ArrowRight: () => along(row, column + 1, 1),
    ArrowLeft: () => along(row, column - 1, -1),
    ArrowDown: () => down(by),
    ArrowUp: () => down(-by),
    PageDown: () => down(PAGE),
    PageUp: () => down(-PAGE),
    Home: () => along(event.ctrlKey ? all[0] : row, 0, 1),
    End: () => along(event.ctrlKey ? all.at(-1) : row, row.cells.length - 1, -1),
  };
  if (!Object.hasOwn(moves, event.key)) return;
  event.preventDefault();
  go(moves[event.key]());
}
