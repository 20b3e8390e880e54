// Tables: sorting by a click on a head, searching, and download as a CSV file.
// Without this file the tables are complete, in the order that the page was written with.

function numberOf(cell) {
  return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
}

// Numbers before text before empty cells; text in the order of the reader's language.
function compareCells(first, second) {
  const a = numberOf(first), b = numberOf(second);
  if (a !== null && b !== null) return a - b;
  if (a !== null || b !== null) return a !== null ? -1 : 1;
  return first.textContent.localeCompare(second.textContent, undefined, { numeric: true });
}

function isEmpty(cell) {
  return cell.dataset.v === undefined && cell.textContent.trim() === "";
}

function sortTable(head) {
  const heads = [...head.parentElement.children];
  const column = heads.indexOf(head);
  const body = head.closest("table").tBodies[0];
  const rows = [...body.rows];
  const first = head.classList.contains("n") ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  const direction = head.getAttribute("aria-sort") === first ? other : first;
  const sign = direction === "ascending" ? 1 : -1;
  rows.sort((one, two) => {
    const a = one.cells[column], b = two.cells[column];
    if (isEmpty(a) || isEmpty(b)) return isEmpty(a) - isEmpty(b); // empty cells are last
    return sign * compareCells(a, b);
  });
  heads.forEach((one) => one.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", direction);
  body.append(...rows);
}

// Every word must be in the row.
function searchTable(body, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of body.rows) {
    const content = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
    row.hidden = !words.every((word) => content.includes(word));
    shown += row.hidden ? 0 : 1;
  }
  return shown;
}

function csvField(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// All columns and the rows that the search shows, in their present order; numbers unrounded.
function csvText(table) {
  const heads = [...table.tHead.rows[0].cells].map((head) => head.dataset.head);
  const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
  const cells = rows.map((row) => [...row.cells].map((cell) => cell.dataset.v ?? cell.textContent));
  return [heads, ...cells].map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
}

function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function makeTools(box) {
  const table = box.querySelector("table"), body = table.tBodies[0];
  const tools = document.createElement("div");
  tools.className = "tools";
  const caption = table.caption.textContent;
  const search = document.createElement("input");
  search.type = "search";
  search.placeholder = "search";
  search.setAttribute("aria-label", `search in: ${caption}`);
  const shown = document.createElement("span");
  shown.className = "shown";
  shown.setAttribute("role", "status");
  const count = () => {
    const all = body.rows.length, found = searchTable(body, search.value);
    const rows = all === 1 ? "1 row" : `${all} rows`;
    shown.textContent = found === all ? rows : `${found} of ${rows}`;
  };
  search.addEventListener("input", count);
  const save = document.createElement("button");
  save.type = "button";
  save.textContent = "CSV";
  save.setAttribute("aria-label", `download as CSV: ${caption}`);
  save.addEventListener("click", () => download(`${box.dataset.name}.csv`, csvText(table)));
  tools.append(search, save, ...box.querySelectorAll(".more-switch"), shown);
  box.prepend(tools);
  count();
}

function makeSortable(head) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  button.addEventListener("click", () => sortTable(head));
  head.append(button);
}

for (const box of document.querySelectorAll(".table")) {
  box.querySelectorAll("thead th").forEach(makeSortable);
  makeTools(box);
}
