// Axes of charts: positions, ticks and their texts.

function shortNumber(value) {
  const size = Math.abs(value);
  for (const [factor, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= factor * (factor === 1e3 ? 10 : 1)) return `${Number((value / factor).toPrecision(3))}${unit}`;
  }
  return String(Number(value.toPrecision(4)));
}

function tickText(axis, value) {
  const unit = axis.unit === "x" ? "×" : axis.unit === "%" ? " %" : axis.unit === "s" ? " s" : "";
  return shortNumber(value) + unit;
}

function linearTicks(low, high, count, whole) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  if (whole) step = Math.max(1, Math.round(step));
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) ticks.push(k * step);
  return ticks;
}

function logTicks(low, high, count) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low * 0.999 && value <= high * 1.001) ticks.push(value);
    }
  }
  if (ticks.length < 3) return linearTicks(low, high, count, false);
  const tens = ticks.filter((tick) => Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-9);
  return ticks.length > count + 2 && tens.length >= 2 ? tens : ticks;
}

// Numbers of an axis, positions on the screen from `start` to `end`.
function makeScale(axis, values, start, end, margin) {
  const low = axis.low ?? Math.min(...values), high = axis.high ?? Math.max(...values);
  const to = axis.is_log ? Math.log10 : (value) => value;
  let first = to(low), last = to(high);
  if (first === last) {
    const around = axis.is_log ? 0.15 : Math.abs(first) * 0.1 || 1;
    first -= around;
    last += around;
  }
  const extra = (last - first) * margin;
  if (axis.low === null) first -= extra;
  if (axis.high === null) last += extra;
  const back = axis.is_log ? (value) => 10 ** value : (value) => value;
  const scale = (value) => start + ((to(value) - first) / (last - first)) * (end - start);
  scale.ticks = (count) =>
    axis.is_log ? logTicks(back(first), back(last), count) : linearTicks(first, last, count, axis.is_whole);
  return scale;
}

function axisLabel(axis) {
  const atTicks = ["x", "%", "s"].includes(axis.unit);
  return axis.unit && !atTicks ? `${axis.label}, ${axis.unit}` : axis.label;
}
