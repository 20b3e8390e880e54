// Ranks the candidates again while the sliders of the reward's exponents move.

const DECIMALS = 4; // of an exponent: more would be written as 1e-7, which no command reads

// As nas.reward.weighted_product: accuracy, relative step time and relative parameters.
function weightedProduct(one, w, v) {
  return one.accuracy * one.stepTime ** w * one.relativeParams ** v;
}

// The candidates with their rewards, the best first; of equal rewards the earliest.
function rankedBy(candidates, w, v) {
  return candidates
    .map((one) => ({ ...one, reward: weightedProduct(one, w, v) }))
    .sort((one, two) => two.reward - one.reward || one.number - two.number);
}

function reweighRow(one, index, ranksBefore) {
  const row = document.createElement("tr");
  row.className = index === 0 ? "best" : "";
  const cells = [
    String(index + 1),
    String(one.number),
    one.reward.toFixed(4),
    `${(100 * one.accuracy).toFixed(2)}`,
    one.stepTime.toFixed(3),
    one.params.toLocaleString("en-US"),
    String(ranksBefore.get(one.number)),
  ];
  for (const text of cells) {
    const cell = document.createElement("td");
    cell.className = "n";
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}

// Marks the leader in a chart with a square; null removes the mark.
function markLeader(chart, winner, w, v) {
  const series = chart.spec.series.filter((one) => !one.isReweighed);
  const points = series.flatMap((one) => (one.kind === "points" ? one.points : []));
  const point = points.find((one) => one.number === winner?.number && one.low === null);
  const name = `leader for w = ${w}, v = ${v}`;
  if (point) {
    const mark = { ...point, label: `candidate ${winner.number}, ${name}`, area: null };
    series.push({ kind: "points", name, color: "three", shape: "square", points: [mark], isReweighed: true });
  }
  chart.spec.series = series;
  chart.draw();
}

function startReweighing(box) {
  const data = JSON.parse(document.getElementById("reweigh-data").textContent);
  const before = rankedBy(data.candidates, data.w, data.v);
  const ranksBefore = new Map(before.map((one, index) => [one.number, index + 1]));
  const inputs = Object.fromEntries(
    ["w", "v"].map((name) => [name, [...box.querySelectorAll(`input[name="${name}"]`)]]),
  );
  const values = { w: data.w, v: data.v };

  // `typed` is the field that the reader types in: its text stays.
  function update(typed) {
    const { w, v } = values;
    for (const name of ["w", "v"]) {
      for (const input of inputs[name]) if (input !== typed) input.value = values[name];
    }
    const ranking = rankedBy(data.candidates, w, v);
    const rows = ranking.slice(0, data.rows).map((one, index) => reweighRow(one, index, ranksBefore));
    box.querySelector("tbody").replaceChildren(...rows);
    const isOwn = w === data.w && v === data.v;
    box.querySelector(".reweighed").textContent =
      `Candidate ${ranking[0].number} leads for w = ${w}, v = ${v}` + (isOwn ? ", the exponents of the search." : ".");
    box.querySelector("code").textContent = `${data.command} ${w} ${v}`;
    for (const name of data.charts) if (charts.has(name)) markLeader(charts.get(name), isOwn ? null : ranking[0], w, v);
  }

  for (const name of ["w", "v"]) {
    for (const input of inputs[name]) {
      input.addEventListener("input", () => {
        const value = Number(Number(input.value).toFixed(DECIMALS));
        if (input.value === "" || !Number.isFinite(value) || value > 0) return;
        values[name] = value;
        update(input);
      });
    }
  }
  box.querySelector("button.reset").addEventListener("click", () => {
    Object.assign(values, { w: data.w, v: data.v });
    update();
  });
  box.hidden = false;
  update();
}

for (const box of document.querySelectorAll(".reweigh")) startReweighing(box);
