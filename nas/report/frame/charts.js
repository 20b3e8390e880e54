// Draws the charts of the page as SVG, as wide as their place, and again when that changes.

const charts = new Map(); // name -> {spec, draw}; other scripts change the spec and draw again

function frameOf(spec, xScale, yScale, box) {
  const parts = [];
  for (const tick of yScale?.ticks(5) ?? []) {
    const y = yScale(tick).toFixed(1);
    parts.push(svgElement("path", { class: "grid", d: `M${box.left},${y}H${box.right}` }));
    parts.push(svgElement("text", { x: box.left - 7, y, dy: "0.32em", "text-anchor": "end" }, tickText(spec.y, tick)));
  }
  // Charts of the same width have the same ticks, whatever room the y axis takes.
  const left = yScale ? 60 : box.left;
  for (const tick of xScale.ticks(Math.max(3, Math.floor((box.right - left) / 85)))) {
    const x = xScale(tick).toFixed(1);
    if (!yScale) parts.push(svgElement("path", { class: "grid", d: `M${x},${box.top}V${box.bottom}` }));
    parts.push(svgElement("path", { class: "base", d: `M${x},${box.bottom}v4` }));
    parts.push(svgElement("text", { x, y: box.bottom + 18, "text-anchor": "middle" }, tickText(spec.x, tick)));
  }
  parts.push(svgElement("path", { class: "base", d: `M${box.left},${box.bottom}H${box.right}` }));
  const middle = (box.left + box.right) / 2;
  parts.push(svgElement("text", { class: "axis-label", x: middle, y: box.bottom + 38, "text-anchor": "middle" }, axisLabel(spec.x)));
  return parts;
}

function linePath(line, x, y) {
  return line.xy
    .map(([a, b], index) => {
      const before = index ? line.xy[index - 1] : null;
      const step = line.is_step && before ? `L${x(a).toFixed(1)},${y(before[1]).toFixed(1)}` : "";
      return `${step}${index ? "L" : "M"}${x(a).toFixed(1)},${y(b).toFixed(1)}`;
    })
    .join("");
}

function drawBand(one, x, box) {
  const left = x(one.start), right = x(one.end);
  const label = svgElement("text", { x: left + 4, y: box.top + 13 }, one.label);
  const wide = right - left > one.label.length * 6.5;
  const area = svgElement("rect", { class: "band", x: left, y: box.top, width: right - left, height: box.bottom - box.top });
  const mark = { element: area, x: (left + right) / 2, y: box.top + 20, left, right, top: box.top, bottom: box.bottom };
  return [wide ? [area, label] : [area], { ...mark, label: one.label, facts: one.facts }];
}

function drawRule(one, x, y, box) {
  const path = one.x !== null ? `M${x(one.x)},${box.top}V${box.bottom}` : `M${box.left},${y(one.y)}H${box.right}`;
  const at = one.x !== null ? { x: x(one.x), y: box.top - 5, "text-anchor": "middle" } : { x: box.right - 4, y: y(one.y) - 5, "text-anchor": "end" };
  return [svgElement("path", { class: "rule", d: path }), svgElement("text", at, one.label)];
}

function drawPoint(one, point, x, y, largest, factor) {
  const radius = areaRadius(point.area, largest, factor);
  const element = markShape(one.shape, x(point.x), y(point.y), radius, { class: `mark f-${one.color}`, "data-number": point.number });
  const parts = [element];
  if (point.low !== null && point.high !== null) {
    const d = `M${x(point.x).toFixed(1)},${y(point.low).toFixed(1)}V${y(point.high).toFixed(1)}`;
    parts.unshift(svgElement("path", { class: `whisker s-${one.color}`, d }));
  }
  return [parts, { element, radius, x: x(point.x), y: y(point.y), label: point.label, facts: point.facts }];
}

function plotValues(spec) {
  const xs = [], ys = [];
  for (const one of spec.series) {
    for (const point of one.points ?? []) {
      xs.push(point.x);
      ys.push(point.y, point.low ?? point.y, point.high ?? point.y);
    }
    for (const [a, b] of one.xy ?? []) (xs.push(a), ys.push(b));
    if (one.kind === "rule") one.x !== null ? xs.push(one.x) : ys.push(one.y);
    if (one.kind === "band") xs.push(one.start, one.end);
  }
  return [xs, ys];
}

function largestArea(spec) {
  return Math.max(0, ...(spec.series ?? []).flatMap((one) => (one.points ?? []).map((point) => point.area ?? 0)));
}

function drawPlot(spec, width) {
  const height = Math.max(270, Math.min(400, Math.round(width * 0.58)));
  const [xs, ys] = plotValues(spec);
  const texts = makeScale(spec.y, ys, 0, 1, 0.07).ticks(5).map((tick) => tickText(spec.y, tick).length);
  const left = 16 + 7 * Math.max(2, ...texts);
  const top = spec.series.some((one) => one.kind === "rule" && one.x !== null) ? 44 : 30; // below its label
  const box = { left, right: width - 14, top, bottom: height - 46 };
  const x = makeScale(spec.x, xs, box.left, box.right, 0.05), y = makeScale(spec.y, ys, box.bottom, box.top, 0.07);
  const back = [], front = [], points = [], bands = [];
  const largest = largestArea(spec), factor = sizeFactor(spec);
  for (const one of spec.series) {
    if (one.kind === "band") {
      const [parts, mark] = drawBand(one, x, box);
      back.push(...parts);
      bands.push(mark);
    } else if (one.kind === "rule") front.push(...drawRule(one, x, y, box));
    else if (one.kind === "line") front.push(svgElement("path", { class: `line s-${one.color}${one.is_dashed ? " dashed" : ""}`, d: linePath(one, x, y) }));
    else {
      for (const point of one.points) {
        const [parts, mark] = drawPoint(one, point, x, y, largest, factor);
        front.push(...parts);
        points.push(mark);
      }
    }
  }
  const label = svgElement("text", { class: "axis-label", x: 0, y: 14 }, axisLabel(spec.y));
  points.sort((one, two) => one.x - two.x || one.y - two.y);
  const atPoint = nearestPoint(points), atBand = containingBox(bands);
  const marks = [...points, ...bands];
  return { height, parts: [...back, ...frameOf(spec, x, y, box), label, ...front], marks, nearest: (a, b) => atPoint(a, b) ?? atBand(a, b) };
}

function rowLabel(text, x, y, longest) {
  const most = Math.max(4, Math.floor(longest / 6.6));
  const shown = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return svgElement("text", { class: "row-label", x, y, dy: "0.32em", "text-anchor": "end" }, svgElement("title", {}, text), shown);
}

function drawRows(spec, width) {
  const each = 26, top = 8, bottom = top + each * spec.rows.length, height = bottom + 46;
  const longest = Math.max(...spec.rows.map((row) => row.label.length)) * 7.2 + 14;
  const left = Math.min(longest, width * 0.42);
  const box = { left, right: width - 18, top, bottom };
  const spans = spec.rows.flatMap((row) => row.spans);
  const values = spans.flatMap((span) => [span.start, span.end]);
  const x = makeScale({ ...spec.x, low: spec.x.low ?? Math.min(0, ...values) }, [...values, 0], box.left, box.right, 0.03);
  const parts = frameOf(spec, x, null, box), marks = [];
  spec.rows.forEach((row, index) => {
    const y = top + each * index;
    parts.push(rowLabel(row.label, left - 8, y + each / 2, left - 8));
    for (const span of row.spans) {
      const a = x(span.start), b = Math.max(x(span.end), a + 1);
      const element = svgElement("rect", { class: `mark f-${span.color}`, x: a.toFixed(1), y: y + 4, width: (b - a).toFixed(1), height: each - 8, rx: 2 });
      parts.push(element);
      marks.push({ element, x: (a + b) / 2, y: y + 6, left: a, right: b, top: y, bottom: y + each, label: span.label, facts: span.facts });
    }
  });
  return { height, parts, marks, nearest: containingBox(marks) };
}

function drawChart(figure, spec) {
  const canvas = figure.querySelector(".canvas"), width = Math.max(240, Math.floor(canvas.clientWidth));
  const drawing = spec.kind === "rows" ? drawRows(spec, width) : drawPlot(spec, width);
  const frame = { viewBox: `0 0 ${width} ${drawing.height}`, role: "group", "aria-label": spec.title };
  const svg = svgElement("svg", frame, ...drawing.parts);
  canvas.replaceChildren(svg, makeLegend(spec, largestArea(spec)));
  connectNotes(canvas, svg, drawing.marks, drawing.nearest);
}

for (const figure of document.querySelectorAll("figure.chart")) {
  const spec = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
  const draw = () => drawChart(figure, spec);
  charts.set(figure.id, { spec, draw });
  draw();
  let width = figure.clientWidth;
  new ResizeObserver(() => {
    if (figure.clientWidth === width) return;
    width = figure.clientWidth;
    draw();
  }).observe(figure);
}
