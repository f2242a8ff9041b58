"use strict";
// Everything that comes from the store is set as text, never as markup.

const PAGE = 50;
const STATUS_ORDER = ["canonical", "verified", "candidate", "expired", "merged", "quarantined"];
const SHOWN = [
  // column, heading, class, what is shown of a value
  ["subquestion", "entry", "", null],
  ["status", "status", "word", null],
  ["domain", "domain", "word", null],
  ["rate", "success rate", "", (v) => (v === null ? "–" : (100 * v).toFixed(1) + "%")],
  ["attempts", "right of", "", null],
  ["problems", "problems", "", number],
  ["spans", "spans", "", number],
  ["tokens", "tokens", "", number],
];
// What is best known from its beginning; of all else the greatest comes first.
const RISING = ["subquestion", "status", "domain"];
const NAMED = ["status", "domain", "kind", "teacher"];

function number(value) {
  return value.toLocaleString("en");
}

/** An element with attributes and children; a child that is no element is text. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== "") element.append(child);
  }
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

/** The text that the data block `id` holds, unpacked. */
async function unpack(id) {
  const packed = atob(byId(id).textContent);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

async function read(id) {
  return JSON.parse(await unpack(id));
}

/** Copy text, also where the page may not use the clipboard by itself. */
async function copy(text, button) {
  const said = button.dataset.said || (button.dataset.said = button.textContent);
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    copied = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = copied ? "Copied" : "This browser does not let the page copy";
  setTimeout(() => (button.textContent = said), 1800);
}

function tabbed(table) {
  return [...table.rows]
    .map((row) => [...row.cells].map((cell) => cell.textContent.trim()).join("\t"))
    .join("\n");
}

// -- charts ---------------------------------------------------------------------------------------

// Pixels of a chart below which the labels of a flow are short.
const NARROW = 440, TIGHT = 300;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** The label of a node, its name cut to `most` characters; its count stays. */
function shortened(label, most) {
  const [, name, count] = /^(.*) (\S+)$/s.exec(label);
  // What is cut may end in the middle of an escape.
  return name.length <= most ? label : `${name.slice(0, most - 1).replace(/&[^;]*$/, "")}… ${count}`;
}

/** The figure in the colours of the page, which change with its theme, for a place so wide. */
function themed(figure, swap, width) {
  const style = getComputedStyle(document.documentElement);
  const tone = (name) => style.getPropertyValue(name).trim();
  const colour = (value) =>
    typeof value === "string" ? (dark.matches && swap[value]) || value
      : Array.isArray(value) ? value.map(colour)
      : value && typeof value === "object"
        ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, colour(v)]))
        : value;
  const { data, layout } = colour(figure);
  const axis = { gridcolor: tone("--line"), linecolor: tone("--line"), zerolinecolor: tone("--faint"), fixedrange: true, automargin: true };
  for (const trace of data) {
    if (trace.type !== "sankey") continue;
    trace.link.color = trace.link.color.map((hex) => hex + "70");
    const narrow = width < NARROW;
    trace.textfont = { color: tone("--text"), size: narrow ? 10 : 12, shadow: "none" };
    if (narrow) {
      const sources = new Set(trace.link.source);
      const [left, right] = width < TIGHT ? [7, 16] : [16, 27];
      trace.node.label = trace.node.label.map((text, at) => shortened(text, sources.has(at) ? left : right));
    }
  }
  return [data, {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: tone("--text") },
    margin: { l: 8, r: 8, t: 8, b: 8, ...layout.margin },
    dragmode: false,
    hoverlabel: { bgcolor: tone("--ground"), bordercolor: tone("--line"), font: { color: tone("--text") } },
    legend: { orientation: "h", x: 0, y: 0, yref: "container", yanchor: "bottom", ...layout.legend },
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  }];
}

async function drawCharts() {
  const figures = await read("figures");
  if (!Object.keys(figures).length) return;
  const swap = await read("dark");
  // Runs only because its hash is in the page's policy.
  document.head.append(h("script", {}, await unpack("plotly")));
  const draw = async () => {
    for (const [id, figure] of Object.entries(figures)) {
      const [data, layout] = themed(figure, swap, byId(id).clientWidth);
      await Plotly.react(byId(id), data, layout, { responsive: true, displayModeBar: false });
      // One at a time, so that what a person does meanwhile is not kept waiting.
      await new Promise((done) => setTimeout(done));
    }
  };
  await draw();
  // What was drawn before the page had its width.
  for (const id of Object.keys(figures)) {
    const drawn = byId(id);
    if (drawn._fullLayout && Math.abs(drawn._fullLayout.width - drawn.clientWidth) > 1) Plotly.Plots.resize(drawn);
  }
  dark.addEventListener("change", draw);
}

// -- the table of entries -------------------------------------------------------------------------

let lines, texts, order = [], page = 0, countedKind;
const wanted = { query: "", sort: "problems", falling: true };
// The id that the address has put into the search.
let followed = "";
const chunks = new Map();

function named(column, row) {
  return lines.names[column][lines.columns[column][row]];
}

/** Which of two rows comes first, the lesser before the greater. */
function compare(column) {
  const values = lines.columns[column];
  if (column === "status") {
    const rank = lines.names.status.map((name) => STATUS_ORDER.indexOf(name));
    return (a, b) => rank[values[a]] - rank[values[b]];
  }
  // Shown as "3 of 5".
  if (column === "attempts") {
    const passes = lines.columns.passes;
    return (a, b) => passes[a] - passes[b] || values[b] - values[a];
  }
  const of = NAMED.includes(column) ? (row) => named(column, row)
    : (row) => (values[row] === null ? -1 : values[row]);
  return (a, b) => (of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0);
}

/** Choose and order the rows that are asked for, and show the first page of them. */
function choose() {
  const terms = wanted.query.toLowerCase().split(/\s+/).filter(Boolean);
  const filters = [];
  for (const select of document.querySelectorAll("#filters select[data-column]")) {
    if (select.value === "") continue;
    const values = lines.columns[select.dataset.column], place = Number(select.value);
    filters.push(select.dataset.column === "sources"
      ? (row) => values[row].includes(place)
      : (row) => values[row] === place);
  }
  recount();
  byId("led").textContent = "";
  order = [];
  for (let row = 0; row < texts.length; row += 1) {
    if (filters.every((fits) => fits(row)) && terms.every((term) => texts[row].includes(term))) order.push(row);
  }
  const compared = compare(wanted.sort), sign = wanted.falling ? -1 : 1;
  const ids = lines.columns.id;
  order.sort((a, b) => sign * compared(a, b) || (ids[a] < ids[b] ? -1 : 1));
  page = 0;
  show();
}

function show() {
  const pages = Math.max(1, Math.ceil(order.length / PAGE));
  byId("count").textContent = `${number(order.length)} of ${number(texts.length)} entries`;
  byId("page").textContent = `page ${number(page + 1)} of ${number(pages)}`;
  byId("previous").disabled = page === 0;
  byId("next").disabled = page + 1 >= pages;
  for (const heading of document.querySelectorAll("#table thead th")) {
    if (heading.dataset.column === wanted.sort) heading.setAttribute("aria-sort", wanted.falling ? "descending" : "ascending");
    else heading.removeAttribute("aria-sort");
  }
  byId("direction").textContent = `${wanted.falling ? "↓" : "↑"} Reverse the order`;
  byId("direction").title = wanted.falling ? "descending now" : "ascending now";
  byId("sort").value = wanted.sort;
  byId("table").tBodies[0].replaceChildren(...order.slice(page * PAGE, (page + 1) * PAGE).map(line));
  if (!order.length) {
    byId("table").tBodies[0].append(h("tr", { class: "none" }, h("td", { colspan: SHOWN.length },
      texts.length ? "No entry fits. Clear searches among all." : "The store has no entry.")));
  }
}

/** Name the entry `id` in the address, or none, without a step in the browser's history. */
function nameInAddress(id) {
  history.replaceState(null, "", id ? `#entry-${id}` : location.pathname + location.search);
}

function line(row) {
  const columns = lines.columns;
  const button = h("button", { type: "button", class: "open", "aria-expanded": "false" }, columns.subquestion[row]);
  const element = h("tr", { class: "entry", "data-id": columns.id[row] },
    SHOWN.map(([column, heading, kind, form]) => {
      if (column === "subquestion") return h("td", {}, button, h("span", { class: "signature" }, columns.signature[row]));
      if (column === "status") return h("td", { class: "word", "data-label": "" }, h("span", { class: `status ${named(column, row)}` }, named(column, row)));
      if (column === "attempts") return h("td", { "data-label": heading }, columns.attempts[row] ? `${number(columns.passes[row])} of ${number(columns.attempts[row])}` : "–");
      return h("td", { class: kind, "data-label": heading }, form ? form(columns[column][row]) : named(column, row));
    }));
  button.addEventListener("click", () => toggle(element, row));
  return element;
}

/** Open the entry of a line below it, or close it. */
async function toggle(element, row) {
  const button = element.querySelector(".open");
  if (button.getAttribute("aria-expanded") === "true") {
    button.setAttribute("aria-expanded", "false");
    element.nextElementSibling.remove();
    if (location.hash === `#entry-${element.dataset.id}`) nameInAddress("");
    return;
  }
  button.setAttribute("aria-expanded", "true");
  if (lines.merged[addressed()] !== element.dataset.id) nameInAddress(element.dataset.id);
  const cell = h("td", { colspan: SHOWN.length }, "Loading …");
  element.after(h("tr", { class: "whole" }, cell));
  const chunk = Math.floor(row / lines.chunk);
  if (!chunks.has(chunk)) chunks.set(chunk, read(`chunk-${chunk}`));
  const entry = (await chunks.get(chunk))[row % lines.chunk];
  cell.replaceChildren(whole(entry, row));
}

// -- an entry -------------------------------------------------------------------------------------

function more(count, thing) {
  return count ? h("p", {}, h("small", {}, `and ${number(count)} more ${thing}`)) : null;
}

function list(heading, items) {
  return items.length ? h("div", {}, h("h4", {}, heading), h("ul", {}, items.map((item) => h("li", {}, item)))) : null;
}

function grid(headings, rows) {
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, headings.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, ...[cell].flat())))))));
}

function parameter({ name, type, unit }) {
  return h("code", {}, `${name}: ${type}${unit ? ` [${unit}]` : ""}`);
}

function whole(entry, row) {
  const { inputs, output } = entry.signature;
  return h("div", { class: "body" },
    h("p", {}, entry.summary),
    h("p", {}, h("small", {}, "id "), h("code", {}, entry.id),
      h("small", {}, ` · teacher ${named("teacher", row)} · verifier ${entry.verifier || "none"} · last verified ${entry.last_verified || "never"} · expires ${entry.expires_at || "never"}`)),
    entry.tool ? h("p", {}, "points to ", h("code", {}, entry.tool), ", called as ", h("code", {}, entry.call)) : null,
    h("div", { class: "columns" },
      list("Takes", inputs.map(parameter)), list("Gives", [parameter(output)]),
      h("div", {}, list("Preconditions", entry.preconditions), list("Preconditions, as code", entry.predicates.map((text) => h("code", {}, text)))),
      list("Failure modes", entry.failure_modes),
      list("Asked as", entry.questions.map(([text, count]) => `${text} (${number(count)})`))),
    entry.variants.map((variant, at) => variantOf(variant, at, entry)),
    more(entry.more_variants, "variants"),
    h("h4", {}, "Quotes that it rests on"),
    entry.quotes.map(([quote, source, licence, trajectory, start, end]) => [
      h("blockquote", {}, quote),
      h("small", {}, `${source}, ${licence || "no licence stated"} · trajectory ${trajectory} [${start}:${end}]`)]).flat(),
    more(entry.more_quotes, "quotes"),
    h("p", {}, h("small", {}, `Sources: ${entry.sources.join(", ")}`)), more(entry.more_sources, "sources"),
    h("h4", {}, "Audit trail"),
    more(entry.more_events, "events before these"),
    grid(["at", "from", "to", "rule", "evidence"], entry.events.map(([at, from, to, rule, evidence, of]) =>
      [at, from || "–", to, of ? [rule, h("small", {}, ` of ${of}, which went into this one`)] : rule, h("code", {}, evidence)])));
}

function variantOf(variant, at, entry) {
  const verdicts = Object.entries(variant.verdicts);
  const shown = variant.replays.length;
  const all = verdicts.reduce((sum, [, count]) => sum + count, 0);
  const code = variant.code;
  return h("div", {},
    h("h4", {}, entry.variants.length > 1 ? `Variant ${at + 1}: subroutine and code` : "Subroutine and code"),
    h("p", {}, h("small", {}, `${number(variant.passes)} of ${number(variant.attempts)} right · ${number(variant.tokens)} tokens · variant ${variant.id}`)),
    h("pre", { class: "subroutine" }, variant.subroutine),
    code ? h("pre", { class: "code" }, code) : h("p", {}, "No code: a model carries the steps out."),
    code ? h("button", { type: "button", class: "copy", onclick: (event) => copy(code, event.currentTarget) }, "Copy code") : null,
    at && variant.preconditions.length ? list("Preconditions of its own", variant.preconditions) : null,
    h("h4", {}, "Evidence: replays on held-out instances"),
    h("p", {}, verdicts.length ? verdicts.map(([name, count]) => `${number(count)} ${name}`).join(", ") : "None yet.",
      all > shown ? ` (${number(shown)} of them below)` : ""),
    shown ? grid(["verdict", "values", "should give", "which value is which", "why", "from"], variant.replays.map(
      ([verdict, bindings, result, map, reason, problem, origin]) =>
        [verdict, h("code", {}, bindings), h("code", {}, result), h("code", {}, map), reason, `${origin} of problem ${problem.slice(0, 8)}`])) : null);
}

// -- what a person does ---------------------------------------------------------------------------

function fillFilters() {
  for (const select of document.querySelectorAll("#filters select[data-column]")) {
    const names = lines.names[select.dataset.column] || [];
    const counts = new Array(names.length).fill(0);
    for (const value of lines.columns[select.dataset.column]) for (const place of [value].flat()) counts[place] += 1;
    const places = names.map((_, place) => place).sort((a, b) => counts[b] - counts[a]);
    select.replaceChildren(h("option", { value: "" }, "all"), ...places.map((place) => h("option", { value: place })));
  }
  for (const [column, heading, kind] of SHOWN) {
    byId("sort").append(h("option", { value: column }, heading));
    byId("table").tHead.rows[0].append(h("th", { scope: "col", class: kind, "data-column": column },
      h("button", { type: "button", onclick: () => sortBy(column) }, heading)));
  }
}

/** Say beside each filter how many entries of the chosen kind it lets through. */
function recount() {
  const kind = document.querySelector("#filters select[data-column=kind]").value;
  if (kind === countedKind) return;
  countedKind = kind;
  for (const select of document.querySelectorAll("#filters select[data-column]")) {
    const column = select.dataset.column, names = lines.names[column] || [];
    const counts = new Array(names.length).fill(0);
    lines.columns[column].forEach((value, row) => {
      if (column !== "kind" && kind !== "" && lines.columns.kind[row] !== Number(kind)) return;
      for (const place of [value].flat()) counts[place] += 1;
    });
    for (const option of select.options) {
      if (option.value !== "") option.textContent = `${names[option.value]} (${number(counts[option.value])})`;
    }
  }
}

/** Procedures alone, until another kind is asked for. */
function byDefault() {
  const place = (lines.names.kind || []).indexOf("procedure");
  document.querySelector("select[data-column=kind]").value = place < 0 ? "" : place;
}

function sortBy(column) {
  wanted.falling = wanted.sort === column ? !wanted.falling : !RISING.includes(column);
  wanted.sort = column;
  choose();
}

/** The id of the entry that the address names. */
function addressed() {
  return /^#entry-(.+)$/.exec(location.hash)?.[1];
}

/** Show the entry that the address names, or the one that it went into, and nothing else. */
async function followAddress() {
  const asked = addressed();
  if (!asked) {
    // Back from an entry: the table is as one that nobody has asked anything of.
    if (!location.hash && followed && wanted.query === followed) byId("filters").reset();
    if (!location.hash) followed = "";
    return;
  }
  const id = Object.hasOwn(lines.merged, asked) ? lines.merged[asked] : asked;
  const row = lines.columns.id.indexOf(id);
  byId("query").value = wanted.query = followed = id;
  for (const select of document.querySelectorAll("#filters select[data-column]")) select.value = "";
  choose();
  if (row < 0) {
    byId("led").textContent = `This store has no entry ${asked}.`;
    byId("entries").scrollIntoView();
    return;
  }
  if (id !== asked) byId("led").textContent = `The entry ${asked} went into this one.`;
  const element = byId("table").tBodies[0].querySelector("tr.entry");
  if (element) element.querySelector(".open").focus({ preventScroll: true });
  if (element && element.querySelector(".open").getAttribute("aria-expanded") === "false") await toggle(element, row);
  (element || byId("entries")).scrollIntoView();
}

async function start() {
  lines = await read("lines");
  const { id, subquestion, signature, words } = lines.columns;
  texts = id.map((identifier, row) => `${subquestion[row]} ${signature[row]} ${words[row]} ${identifier}`.toLowerCase());
  fillFilters();
  byDefault();
  let waiting;
  byId("query").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      wanted.query = event.target.value;
      choose();
    }, 120);
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("change", (event) => {
    if (event.target.id === "sort") sortBy(event.target.value);
    else if (event.target.tagName === "SELECT") choose();
  });
  byId("filters").addEventListener("reset", () => setTimeout(() => {
    wanted.query = "";
    wanted.sort = "problems";
    wanted.falling = true;
    byDefault();
    choose();
  }));
  byId("direction").addEventListener("click", () => {
    wanted.falling = !wanted.falling;
    choose();
  });
  const turn = (by) => { page += by; show(); byId("count").scrollIntoView(); };
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  window.addEventListener("hashchange", followAddress);
  document.addEventListener("click", (event) => {
    // The address does not change if it names the entry already.
    const link = event.target.closest("a[href^='#entry-']");
    if (link && link.hash === location.hash) followAddress();
  });
  choose();
  await followAddress();
  document.documentElement.dataset.ready = "entries";
  await drawCharts();
  document.documentElement.dataset.ready = "all";
}

for (const button of document.querySelectorAll("button[data-table]")) {
  button.addEventListener("click", () => copy(tabbed(byId(button.dataset.table)), button));
}
start().catch((error) => {
  byId("count").textContent = `This browser cannot show the entries: ${error.message}`;
  throw error;
});
