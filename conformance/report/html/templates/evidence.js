// What is behind a cell. Everything is made of text nodes: nothing here is ever parsed as markup.

let unpacked;

// All evidence, unpacked when it is first asked for.
function evidence() {
  unpacked ??= (async () => {
    const packed = Uint8Array.from(atob($("#evidence").textContent), (char) => char.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  })();
  return unpacked;
}

// Says of a cell whether a text is in what was broken there, or could not be told.
async function searcher() {
  const data = await evidence();
  const known = new Map();
  const text = (cell) =>
    [cell.reason, cell.off?.evidence, ...(cell.results ?? []).flatMap((result) => [
      data.checks[result.check].id, data.checks[result.check].rule, result.reason, result.known,
      ...(result.findings ?? []).flat(),
    ])].filter(Boolean).join("\n").toLowerCase();
  return (row, column, words) => {
    const cell = data.rows[row].cells[column];
    if (!cell) return false;
    if (!known.has(cell)) known.set(cell, text(cell));
    return known.get(cell).includes(words);
  };
}

function el(name, given = {}, ...children) {
  const made = Object.assign(document.createElement(name), given);
  made.append(...children.flat(Infinity).filter((child) => (child ?? "") !== ""));
  return made;
}

const bdi = (text) => el("bdi", {}, text);

// Pairs of a name and a value, without those that have none.
function facts(pairs) {
  const there = pairs.filter(([, value]) => value);
  return el("dl", { className: "facts" }, there.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function copier(text) {
  const button = el("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text)) ? "Copied" : "Not copied: select it";
    button.focus(); // which a text to be copied may have taken
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { value: text, readOnly: true });
    $("#panel").append(area); // a modal dialog lets nothing outside of it be selected
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

const command = (title, text) => [el("h4", {}, title, copier(text)), el("pre", {}, text)];

// A body under its heading, the place at fault marked.
function passage(data, title, [before, mark, after, whole]) {
  const [first, at, last] = [before, mark, after].map((i) => data.texts[i]);
  const note = whole ? "" : el("small", {}, "shortened");
  const body = el("pre", { tabIndex: 0 }, first, at ? el("mark", {}, at) : "", last);
  return [el("h4", {}, bdi(title), note), body.hasChildNodes() ? body : null];
}

function headers(data, number) {
  const text = data.texts[number];
  const title = el("summary", {}, el("small", {}, "Headers"));
  return text ? el("details", {}, title, el("pre", {}, text)) : null;
}

// What an adapter did in between; nothing where there is none.
function beyond(data, sides) {
  if (sides?.length === 0) return el("h4", {}, "The adapter sent nothing on");
  return (sides ?? []).map((side) => [
    passage(data, `The adapter sent on: ${side.asked}`, side.request),
    passage(data, `The adapter got: ${side.status ?? "nothing"}`, side.response),
  ]);
}

function exchange(data, number, open) {
  const one = data.exchanges[number];
  const made = el("details", { open },
    el("summary", {}, "The exchange ", el("small", {}, bdi(one.id))),
    passage(data, `Asked: ${one.asked}`, one.request), headers(data, one.headers),
    beyond(data, one.beyond),
    passage(data, `Answered: ${one.status ?? "nothing"}`, one.response), headers(data, one.replied),
    one.curl === null ? null : command("Ask again", data.texts[one.curl]));
  made.addEventListener("toggle", () => $$("mark", made).forEach(centre));
  return made;
}

// Scrolls a body, and nothing else, to where its mark is.
function centre(mark) {
  const body = mark.parentNode;
  body.scrollTop = mark.offsetTop - body.clientHeight / 3;
}

function findings(result) {
  if (!result.findings) return null;
  const row = (cells, name) => el("tr", {}, cells.map((text) => el(name, {}, text)));
  const more = result.more ? el("p", {}, el("small", {}, `and ${figure(result.more)} more`)) : null;
  const found = result.findings.map((one) => row(one, "td"));
  return [el("table", { className: "found" }, row(["Place", "Wanted", "Got"], "th"), found), more];
}

const BLAMED = new Map([["adapter", "the adapter"], ["provider", "the provider"], ["both", "adapter and provider"]]);
const BREACHES = new Map([["fail", "b"], ["ignored", "b"], ["flaky", "k"]]);

function rule(check) {
  const source = check.link ? el("a", { href: check.link, rel: "noreferrer noopener" }, check.spec) : check.spec;
  return [el("p", {}, check.rule), el("p", { className: "why" }, check.why), facts([["Source", source]])];
}

function result(data, one, open) {
  const check = data.checks[one.check];
  const [broken, told] = one.times ?? [];
  const times = told ? `${broken} of ${told} time${told > 1 ? "s" : ""}` : "";
  const breach = BREACHES.get(one.outcome);
  const css = breach && one.level !== "must" ? "w" : breach ?? "i";
  const [first, unbroken, last] = one.since ?? [];
  return el("section", {},
    el("h3", {},
      el("code", {}, bdi(check.id)), el("span", { className: "tag" }, one.level.toUpperCase()),
      el("span", { className: `tag ${css}` }, one.outcome), el("small", {}, times)),
    check.rule ? rule(check) : null,
    one.known ? el("p", { className: "note-box" }, "Known: ", bdi(one.known)) : null,
    facts([
      ["To blame", BLAMED.get(one.blame) ?? one.blame], ["First seen broken", first],
      ["Broken since", unbroken !== first && unbroken],
      ["Last seen broken", last !== first && last],
    ]),
    findings(one),
    "exchange" in one ? exchange(data, one.exchange, open) : null,
    one.again ? command("Run this check", one.again) : null,
  );
}

const yes = (said) => (said === null ? "nobody says" : said ? "yes" : "no");

function parameter(told, title) {
  if (!told) return null;
  const vain = told.vain ? " (documented, and not delivered)" : "";
  return el("section", {}, el("h3", {}, title, el("span", { className: "tag" }, told.disposition + vain)),
    facts([["Documented", yes(told.documented)], ["Declared", yes(told.declared)], ["Evidence", told.evidence]]));
}

// Rules of which there is no more to say than a line each.
function listed(data, title, entries, open) {
  if (!entries.length) return null;
  const item = ([number, note]) => {
    const check = data.checks[number];
    return el("li", {}, el("code", {}, bdi(check.id)), check.rule ? ` ${check.rule}` : "", note ? [" ", el("b", {}, bdi(note))] : null);
  };
  return el("section", {}, el("details", { open },
    el("summary", {}, title), el("ul", { className: "rules" }, entries.map(item))));
}

const rules = (entries) => `${figure(entries.length)} rule${entries.length > 1 ? "s" : ""}`;
const counted = (name, told) => (told ? `${name} ${told[0]} of ${told[1]} held` : "");

// What a cell comes to, and the button that closes the panel.
function heading(panel, row, column, cell, word) {
  const close = el("button", { type: "button", className: "close" }, "Close");
  close.addEventListener("click", () => panel.close());
  const untold = cell.untold ? `${figure(cell.untold)} could not be told` : "";
  const origin = $("small", row.tr.cells[0]).textContent; // what is broken in an old recording may be mended
  const words = [word, counted("MUST", cell.must), counted("SHOULD", cell.should), untold, origin];
  const title = [bdi($("bdi", row.tr.cells[0]).textContent), " \u2014 ", bdi(columns[column].title)];
  return el("div", { className: "bar" },
    el("div", {},
      el("h2", { id: "panel-title", tabIndex: -1 }, title),
      el("p", {}, words.filter(Boolean).join(" \u00b7 "))),
    close);
}

// Why a cell is what it is, as far as that is no rule's matter; and how to ask where nobody did.
function why(cell, ask, isEmpty) {
  const some = cell.untold && (cell.must || cell.should) ? "Why some could not be told: " : "";
  const reason = cell.reason || (isEmpty ? "Nobody asked: there is no result for this." : "");
  if (!reason) return null;
  return el("section", {}, el("p", {}, some, bdi(reason)), ask ? command("Ask this target", ask) : null);
}

// Fills the panel with what is behind a cell: what was broken first, what held last.
function fill(panel, data, row, column, word) {
  const { ask, cells } = data.rows[row.number];
  const cell = cells[column] || {};
  const results = cell.results ?? [];
  const broken = results.filter((one) => one.findings);
  const shown = broken.find((one) => "exchange" in one);
  const untold = results.filter((one) => !one.findings).map((one) => [one.check, one.reason || one.outcome]);
  const held = (cell.held ?? []).map((check) => [check]);
  const isEmpty = !(results.length || held.length || cell.off || cell.on);
  const more = cell.more ? el("section", {}, el("p", {}, `and ${figure(cell.more)} more rules`)) : null;
  panel.replaceChildren(
    heading(panel, row, column, cell, word),
    el("div", { className: "body" },
      why(cell, ask, isEmpty),
      parameter(cell.off, cell.on ? "Dropping off" : "Measured"),
      parameter(cell.on, "Dropping on"),
      broken.map((one) => result(data, one, one === shown)),
      listed(data, `${rules(untold)} could not be told`, untold, !broken.length),
      listed(data, `${rules(held)} held`, held, !results.length), more));
}
