// The attributions of one prediction as a waterfall in log-odds, with a table for readers.
const NS = "http://www.w3.org/2000/svg";

function node(name, attributes, parent, text) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent?.appendChild(made);
  return made;
}

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "tam";
  root.innerHTML = '<div class="row"><h4>Why this prediction</h4><span class="muted" data-text style="flex:1 1 0;min-width:200px"></span>'
    + '<button type="button" aria-pressed="false">Table</button></div><div data-body></div>';
  const button = root.querySelector("button");
  const body = root.querySelector("[data-body]");
  el.appendChild(root);

  const chart = (data) => {
    const { steps, base } = data;
    const edges = [base];
    for (const step of steps) edges.push(edges.at(-1) + step.weight);
    const low = Math.min(...edges), high = Math.max(...edges);
    const wide = 560, scale = (wide - 285) / ((high - low) || 1);
    const svg = node("svg", { viewBox: `0 0 ${wide} ${steps.length * 20 + 26}`, role: "img", "aria-label": data.summary });
    svg.style.maxWidth = "640px";
    const x = (value) => 215 + (value - low) * scale;
    steps.forEach((step, row) => {
      const y = row * 20 + 4, left = x(Math.min(edges[row], edges[row + 1]));
      const width = Math.max(Math.abs(step.weight) * scale, 1);
      const name = step.name.length > 26 ? `${step.name.slice(0, 25)}…` : step.name;
      node("text", { x: 205, y: y + 11, "text-anchor": "end" }, svg, step.value === null ? name : `${name} = ${Number(step.value.toPrecision(3))}`);
      node("rect", { x: left, y, width, height: 14, rx: 2, fill: step.weight > 0 ? "var(--tam-distrusted)" : "var(--tam-learner)" }, svg);
      node("line", { class: "axis", x1: x(edges[row + 1]), x2: x(edges[row + 1]), y1: y + 14, y2: y + 20 }, svg);
      node("text", { x: left + width + 5, y: y + 11 }, svg, `${step.weight > 0 ? "▲ +" : "▼ "}${step.weight.toFixed(2)}`);
    });
    node("text", { class: "muted", x: 215, y: steps.length * 20 + 20 }, svg, `base ${base.toFixed(2)} → ${edges.at(-1).toFixed(2)} log-odds`);
    return svg;
  };
  const tabular = (data) => {
    const table = document.createElement("table");
    table.innerHTML = "<thead><tr><th>feature</th><th>value</th><th>log-odds</th></tr></thead>";
    const rows = table.createTBody();
    for (const step of data.steps) {
      const row = rows.insertRow();
      for (const text of [step.name, step.value === null ? "" : step.value.toPrecision(4), step.weight.toFixed(3)]) row.insertCell().textContent = text;
    }
    return table;
  };
  const draw = () => {
    const data = model.get("explanation");
    const empty = !data || !data.steps;
    root.querySelector("[data-text]").textContent = empty ? "No prediction was explained yet." : data.summary + data.checked;
    button.hidden = empty;
    body.replaceChildren();
    if (!empty) body.appendChild(button.getAttribute("aria-pressed") === "true" ? tabular(data) : chart(data));
  };
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    draw();
  });
  model.on("change:explanation", draw);
  draw();
  return () => model.off("change:explanation", draw);
}
export default { render };
