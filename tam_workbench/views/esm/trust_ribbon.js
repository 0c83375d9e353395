// The trust ribbon: one cell a run of equal bands, colour and hatch, reasons on hover.
const NS = "http://www.w3.org/2000/svg";
const LEVELS = [ // in the order of theme.LEVELS; `bands` holds indices into it
  { name: "trusted", color: "var(--tam-trusted)", d: "" },
  { name: "doubtful", color: "var(--tam-doubtful)", d: "M-1 7 L7 -1" },
  { name: "distrusted", color: "var(--tam-distrusted)", d: "M-1 7 L7 -1 M-1 -1 L7 7" },
];
let serial = 0;

function node(name, attributes, parent) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.appendChild(made);
  return made;
}

function patterns(svg, prefix) {
  const defs = node("defs", {}, svg);
  for (const level of LEVELS) {
    const pattern = node("pattern", { id: `${prefix}${level.name}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, defs);
    node("rect", { width: 6, height: 6, fill: level.color }, pattern);
    if (level.d) node("path", { d: level.d, stroke: "#fff", "stroke-width": 1.4 }, pattern);
  }
}

function render({ model, el }) {
  const prefix = `tam-ribbon-${++serial}-`;
  const root = document.createElement("div");
  root.className = "tam";
  root.innerHTML = '<div class="row"><h4>Trust</h4><span class="muted" data-text></span></div>';
  const svg = node("svg", { viewBox: "0 0 600 22", height: 22, preserveAspectRatio: "none", role: "img", tabindex: 0 }, root);
  const legend = document.createElement("div");
  legend.className = "row muted";
  for (const level of LEVELS) {
    const item = document.createElement("span");
    const swatch = node("svg", { width: 14, height: 10, style: "display:inline-block;width:14px;vertical-align:middle" }, item);
    patterns(swatch, `${prefix}key-`);
    node("rect", { width: 14, height: 10, fill: `url(#${prefix}key-${level.name})` }, swatch);
    item.append(` ${level.name}`);
    legend.appendChild(item);
  }
  const hover = document.createElement("p");
  hover.className = "muted";
  hover.setAttribute("aria-live", "polite");
  root.append(legend, hover);
  el.appendChild(root);

  let chosen = -1;
  const describe = () => {
    const trust = model.get("trust"), reasons = model.get("reasons");
    const at = chosen >= 0 && chosen < trust.length ? chosen : trust.length - 1;
    hover.textContent = at < 0 ? "" : `${chosen < 0 ? "now" : `${trust.length - 1 - at} ticks ago`}: ${trust[at].toFixed(2)}, reasons: ${reasons[at] || "none"}`;
  };
  const draw = () => {
    const bands = model.get("bands");
    svg.replaceChildren();
    patterns(svg, prefix);
    const step = 600 / Math.max(bands.length, 1);
    for (let start = 0; start < bands.length;) {
      const level = bands[start];
      let end = start + 1;
      while (end < bands.length && bands[end] === level) end += 1;
      node("rect", { x: start * step, y: 0, width: (end - start) * step, height: 22, fill: `url(#${prefix}${LEVELS[level].name})` }, svg);
      start = end;
    }
    root.querySelector("[data-text]").textContent = model.get("summary");
    svg.setAttribute("aria-label", model.get("summary"));
    describe();
  };
  svg.addEventListener("mousemove", (event) => {
    const box = svg.getBoundingClientRect();
    chosen = Math.floor(((event.clientX - box.left) / box.width) * model.get("trust").length);
    describe();
  });
  svg.addEventListener("mouseleave", () => { chosen = -1; describe(); });
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move) return;
    const last = model.get("trust").length - 1;
    chosen = Math.max(0, Math.min(last, (chosen < 0 ? last : chosen) + move));
    event.preventDefault();
    event.stopPropagation();
    describe();
  });
  model.on("change:bands", draw);
  draw();
  return () => model.off("change:bands", draw);
}
export default { render };
