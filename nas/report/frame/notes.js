// Notes at the marks of a chart: shown at the mark nearest to the pointer, at a touch, and at the
// mark that has the keyboard's focus. All text is set as text, never as markup.

const NEAR = 28; // pixels around a mark

function svgElement(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function noteText(mark) {
  return [mark.label, ...mark.facts.map(([name, value]) => `${name} ${value}`)].join(", ");
}

function fillNote(tip, mark) {
  const heading = document.createElement("strong");
  heading.textContent = mark.label;
  const list = document.createElement("dl");
  for (const [name, value] of mark.facts) {
    const term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    list.append(term, text);
  }
  tip.replaceChildren(heading, ...(mark.facts.length ? [list] : []));
}

// Connects the marks, [{element, x, y, label, facts}], of the drawing `svg` in `canvas` with notes.
function connectNotes(canvas, svg, marks, nearest) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  canvas.append(tip);
  let shown = null;

  function hide() {
    shown?.element.classList.remove("near");
    shown = null;
    tip.hidden = true;
  }

  function show(mark) {
    if (shown === mark) return;
    hide();
    shown = mark;
    mark.element.classList.add("near");
    fillNote(tip, mark);
    tip.hidden = false;
    const figure = canvas.closest("figure").getBoundingClientRect();
    const box = svg.getBoundingClientRect(), ratio = box.width / svg.viewBox.baseVal.width;
    const x = box.left - figure.left + mark.x * ratio, y = box.top - figure.top + mark.y * ratio;
    const left = Math.min(Math.max(0, x - tip.offsetWidth / 2), figure.width - tip.offsetWidth);
    const above = y - tip.offsetHeight - 14;
    tip.style.left = `${Math.max(0, left)}px`;
    tip.style.top = `${above < 0 ? y + 16 : above}px`;
  }

  function atPointer(event) {
    const box = svg.getBoundingClientRect(), ratio = svg.viewBox.baseVal.width / box.width;
    const mark = nearest((event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio);
    if (mark) show(mark);
    else hide();
  }

  svg.addEventListener("pointermove", atPointer);
  svg.addEventListener("pointerdown", atPointer);
  svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
  svg.addEventListener("keydown", (event) => {
    const at = marks.findIndex((mark) => mark.element === document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") hide();
    const next = event.key === "Home" ? 0 : event.key === "End" ? marks.length - 1 : at + step;
    if (at < 0 || !marks[next]) return;
    event.preventDefault();
    marks[at].element.setAttribute("tabindex", "-1");
    marks[next].element.setAttribute("tabindex", "0");
    marks[next].element.focus();
  });
  marks.forEach((mark, index) => {
    mark.element.setAttribute("tabindex", index === 0 ? "0" : "-1"); // one stop of the Tab key
    mark.element.setAttribute("role", "img");
    mark.element.setAttribute("aria-label", noteText(mark));
    mark.element.addEventListener("focus", () => show(mark));
    mark.element.addEventListener("blur", hide);
  });
}

function nearestPoint(marks) {
  return (x, y) => {
    let best = null, least = NEAR;
    for (const mark of marks) {
      const distance = Math.max(0, Math.hypot(mark.x - x, mark.y - y) - (mark.radius ?? 0) * 0.5);
      if (distance < least) [best, least] = [mark, distance];
    }
    return best;
  };
}

function containingBox(marks) {
  return (x, y) =>
    marks.find((mark) => x >= mark.left - 1 && x <= mark.right + 1 && y >= mark.top && y <= mark.bottom) ?? null;
}
