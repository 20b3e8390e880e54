// Shapes of marks, and the legend. The areas of circles are proportional to their numbers.

const LARGEST_RADIUS = 15, SMALL_RADIUS = 4.5, FEW = 60;

// Many points get smaller circles, all by the same factor.
function sizeFactor(spec) {
  const count = Math.max(1, ...(spec.series ?? []).map((one) => one.points?.length ?? 0));
  return Math.max(0.45, Math.min(1, Math.sqrt(FEW / count)));
}

function areaRadius(area, largest, factor) {
  return factor * (area === null || !largest ? SMALL_RADIUS : LARGEST_RADIUS * Math.sqrt(area / largest));
}

function polygon(x, y, radius, corners, inner, attributes) {
  const points = [];
  for (let k = 0; k < corners; k += 1) {
    const length = k % 2 ? radius * inner : radius, angle = (2 * Math.PI * k) / corners - Math.PI / 2;
    points.push(`${(x + length * Math.cos(angle)).toFixed(1)},${(y + length * Math.sin(angle)).toFixed(1)}`);
  }
  return svgElement("polygon", { ...attributes, points: points.join(" ") });
}

function markShape(shape, x, y, radius, attributes) {
  if (shape === "star") return polygon(x, y, 11, 10, 0.45, attributes);
  if (shape === "diamond") return polygon(x, y, 8, 4, 1, attributes);
  if (shape === "square") return svgElement("rect", { ...attributes, x: x - 5, y: y - 5, width: 10, height: 10 });
  return svgElement("circle", { ...attributes, cx: x.toFixed(1), cy: y.toFixed(1), r: radius.toFixed(2) });
}

function legendEntry(text, width, height, ...drawing) {
  const item = document.createElement("li");
  item.append(svgElement("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...drawing));
  item.append(text);
  return item;
}

function areaEntries(spec, largest) {
  const areas = spec.series.flatMap((one) => (one.points ?? []).map((point) => point.area ?? 0));
  const rounded = areas.every(Number.isInteger) ? Math.round : (value) => value; // counts stay whole
  const values = new Set([largest, largest / 4, largest / 16].map(rounded).filter((value) => value > 0));
  return [...values].map((value, index) => {
    const radius = areaRadius(value, largest, sizeFactor(spec)), side = 2 * radius + 2;
    const circle = markShape("circle", side / 2, side / 2, radius, { class: "mark f-quiet" });
    return legendEntry(`${index ? "" : `area: ${spec.area}, `}${shortNumber(value)}`, side, side, circle);
  });
}

function makeLegend(spec, largest) {
  const list = document.createElement("ul");
  list.className = "legend";
  for (const [color, name] of spec.legend ?? []) {
    list.append(legendEntry(name, 14, 14, svgElement("rect", { class: `f-${color}`, width: 14, height: 14, rx: 2 })));
  }
  for (const one of spec.series ?? []) {
    if (!one.name) continue;
    if (one.kind === "points") {
      list.append(legendEntry(one.name, 24, 24, markShape(one.shape, 12, 12, 6, { class: `mark f-${one.color}` })));
    } else if (one.kind === "line") {
      const dashed = one.is_dashed ? " dashed" : "";
      list.append(legendEntry(one.name, 26, 12, svgElement("path", { class: `line s-${one.color}${dashed}`, d: "M1,6H25" })));
    }
  }
  if (spec.area && largest) list.append(...areaEntries(spec, largest));
  return list;
}
