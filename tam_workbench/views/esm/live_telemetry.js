// Live telemetry: the trust ribbon above three small charts; arrow keys move a shared crosshair.
const NS = "http://www.w3.org/2000/svg";
const WIDE = 640, LEFT = 150, HIGH = 52;
// In the order of theme.LEVELS; the column `band` holds indices into it.
const LEVELS = [["trusted", "var(--tam-trusted)", ""], ["doubtful", "var(--tam-doubtful)", "M-1 7 L7 -1"], ["distrusted", "var(--tam-distrusted)", "M-1 7 L7 -1 M-1 -1 L7 7"]];
const PLOTS = [
  { name: "", lines: [["value", "var(--tam-telemetry)", ""]], top: null },
  { name: "incident probability", lines: [["baseline", "var(--tam-baseline)", "4 3"], ["probability", "var(--tam-learner)", ""]], top: 1 },
  { name: "anomaly", lines: [["anomaly", "var(--tam-anomaly)", ""]], top: 1 },
];
let serial = 0;

const short = (value) => (value === null || value === undefined ? "–" : String(Number(value.toPrecision(3))));

function node(name, attributes, parent, text) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent?.appendChild(made);
  return made;
}

function path(values, top, y) {
  const finite = values.filter((value) => value !== null);
  if (!finite.length) return "";
  const low = top === null ? Math.min(...finite) : 0, high = top === null ? Math.max(...finite) : top;
  const step = (WIDE - LEFT - 10) / Math.max(values.length - 1, 1);
  let pen = "M", d = "";
  values.forEach((value, at) => {
    if (value === null) { pen = "M"; return; }
    d += `${pen}${(LEFT + at * step).toFixed(1)} ${(y + 44 - (44 * (value - low)) / ((high - low) || 1)).toFixed(1)}`;
    pen = "L";
  });
  return d;
}

function render({ model, el }) {
  const prefix = `tam-live-${++serial}-`;
  const root = document.createElement("div");
  root.className = "tam";
  root.innerHTML = '<div class="row"><h4 data-title></h4><span class="muted" data-text></span><span style="flex:1"></span>'
    + '<button type="button" aria-pressed="false">Pause view</button></div>';
  const svg = node("svg", { viewBox: `0 0 ${WIDE} ${28 + PLOTS.length * HIGH}`, role: "img", tabindex: 0, style: "max-width:860px" }, root);
  const hover = document.createElement("p");
  hover.className = "muted";
  hover.setAttribute("aria-live", "polite");
  root.appendChild(hover);
  el.appendChild(root);
  const pause = root.querySelector("button");
  let shown = model.get("columns"), chosen = -1;

  const describe = () => {
    const count = (shown.trust || []).length, at = chosen < 0 ? count - 1 : Math.min(chosen, count - 1);
    if (at < 0) { hover.textContent = "No tick has arrived yet: is the loop started?"; return; }
    const when = chosen < 0 ? "now" : new Date(shown.time[at]).toISOString().slice(11, 19);
    hover.textContent = `${when}: ${model.get("headline")} ${short(shown.value[at])}, p ${short(shown.probability[at])} (baseline ${short(shown.baseline[at])}), anomaly ${short(shown.anomaly[at])}, trust ${short(shown.trust[at])}, reasons: ${shown.reasons[at]}`;
  };
  const ribbon = () => {
    const defs = node("defs", {}, svg), bands = shown.band;
    for (const [name, color, d] of LEVELS) {
      const pattern = node("pattern", { id: prefix + name, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, defs);
      node("rect", { width: 6, height: 6, fill: color }, pattern);
      if (d) node("path", { d, stroke: "#fff", "stroke-width": 1.4 }, pattern);
    }
    const step = (WIDE - LEFT - 10) / bands.length;
    for (let start = 0; start < bands.length;) {
      const level = bands[start];
      let end = start + 1;
      while (end < bands.length && bands[end] === level) end += 1;
      node("rect", { x: LEFT + start * step, y: 6, width: (end - start) * step, height: 11, fill: `url(#${prefix}${LEVELS[level][0]})` }, svg);
      start = end;
    }
    node("text", { x: 0, y: 15 }, svg, `trust ${short(shown.trust.at(-1))} ${LEVELS[bands.at(-1)][0]}`);
  };
  const draw = () => {
    root.querySelector("[data-title]").textContent = model.get("title");
    root.querySelector("[data-text]").textContent = model.get("summary");
    svg.setAttribute("aria-label", model.get("summary"));
    svg.replaceChildren();
    const count = (shown.trust || []).length;
    if (count) {
      ribbon();
      PLOTS.forEach((plot, row) => {
        const y = 26 + row * HIGH;
        node("line", { class: "axis", x1: LEFT, x2: WIDE - 10, y1: y + 44, y2: y + 44 }, svg);
        node("text", { x: 0, y: y + 20 }, svg, plot.name || model.get("headline"));
        node("text", { class: "muted", x: 0, y: y + 35 }, svg, short(shown[plot.lines.at(-1)[0]].at(-1)));
        for (const [column, color, dash] of plot.lines) node("path", { d: path(shown[column], plot.top, y), fill: "none", stroke: color, "stroke-width": 1.5, "stroke-dasharray": dash }, svg);
      });
      if (chosen >= 0) {
        const x = LEFT + (chosen * (WIDE - LEFT - 10)) / Math.max(count - 1, 1);
        node("line", { x1: x, x2: x, y1: 4, y2: 26 + PLOTS.length * HIGH, stroke: "currentColor", "stroke-dasharray": "2 2" }, svg);
      }
    }
    describe();
  };
  const arrived = () => {
    if (pause.getAttribute("aria-pressed") === "true") return;
    shown = model.get("columns");
    draw();
  };
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause view";
    arrived();
  });
  svg.addEventListener("mousemove", (event) => {
    const box = svg.getBoundingClientRect(), count = (shown.trust || []).length;
    const x = ((event.clientX - box.left) / box.width) * WIDE;
    chosen = x < LEFT ? -1 : Math.round(((x - LEFT) / (WIDE - LEFT - 10)) * (count - 1));
    draw();
  });
  svg.addEventListener("mouseleave", () => { chosen = -1; draw(); });
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key], last = (shown.trust || []).length - 1;
    if (!move || last < 0) return;
    chosen = Math.max(0, Math.min(last, (chosen < 0 ? last : chosen) + move));
    event.preventDefault();
    event.stopPropagation();
    draw();
  });
  model.on("change:columns", arrived);
  draw();
  return () => model.off("change:columns", arrived);
}
export default { render };
