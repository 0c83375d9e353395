// Why something happened: the chain from the root, left to right, with its confidences and evidence.
let serial = 0;

function render({ model, el }) {
  const id = `tam-chain-${++serial}`;
  const make = (tag, text, css, parent) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (css) made.style.cssText = css;
    if (parent) parent.appendChild(made);
    return made;
  };
  const root = make("div");
  root.className = "tam";
  root.innerHTML = `<div class="row"><h4 style="white-space:nowrap;margin:0">What caused this?</h4>`
    + `<select id="${id}" aria-label="incident" style="flex:2 1 220px;min-width:0"></select>`
    + `<input aria-label="object" style="flex:1 1 150px;width:150px;min-width:0" placeholder="or shop/Pod/web-1">`
    + `<button type="button">Ask</button></div><p data-verdict aria-live="polite"></p>`
    + `<div data-chain role="list" style="display:flex;flex-wrap:wrap;gap:8px 0;padding:4px 0 6px"></div><div data-why></div>`;
  el.appendChild(root);
  const [select, input, button] = ["select", "input", "button"].map((one) => root.querySelector(one));
  const part = (name) => root.querySelector(`[data-${name}]`);
  select.style.cssText += ";font:inherit;color:var(--tam-text);background:var(--tam-surface);"
    + "border:1px solid var(--tam-muted);border-radius:4px;padding:4px 6px";

  const ask = (what) => {
    if (!what) return;
    part("verdict").className = "muted";
    part("verdict").textContent = "asking …";
    model.set("asked", { what, number: Date.now() });
    model.save_changes();
  };
  const box = (step, link, isRoot, isLast) => {
    const unit = make("div", "", "display:flex;flex:1 1 172px;max-width:340px;min-width:0");
    unit.setAttribute("role", "listitem");
    if (link) unit.appendChild(arrow(link));
    const edge = isRoot ? "2px solid var(--tam-accent)" : isLast ? "2px solid var(--tam-distrusted)" : "1px solid var(--tam-line)";
    const made = make("div", "", `flex:1;min-width:0;border:${edge};border-radius:6px;`
      + "background:var(--tam-raised);padding:7px 10px;overflow-wrap:anywhere", unit);
    const role = isRoot ? "root cause" : isLast ? "what was asked" : "";
    if (role) make("div", role, "font-size:11px", made).className = "muted";
    make("b", step.kind, "", make("div", "", "", made));
    make("div", step.object, "font-size:12px;display:-webkit-box;-webkit-line-clamp:4;-webkit-box-orient:vertical;overflow:hidden", made)
      .title = step.object;
    const [day, clock] = step.at.split(" ");
    const at = make("div", clock, "font-size:11.5px;font-variant-numeric:tabular-nums", made);
    at.className = "muted";
    at.title = `${day} ${clock} UTC`;
    if (step.detail) make("div", step.detail, "font-size:12px;margin-top:2px", made);
    return unit;
  };
  const arrow = (link) => {
    const made = make("div", "", "flex:0 0 52px;text-align:center;align-self:center;font-size:11.5px");
    make("div", link.sure, "font-weight:600;white-space:nowrap", made);
    make("div", "⟶", "line-height:1;font-size:19px;color:var(--tam-muted)", made).setAttribute("aria-label", "led to");
    make("div", link.pattern, "", made).className = "muted";
    made.title = link.title;
    return made;
  };
  const table = (label, heads, rows, parent) => {
    const made = make("table", "", "color:inherit;margin-top:4px", parent);
    made.setAttribute("aria-label", label);
    const head = make("tr", "", "", make("thead", "", "", made));
    for (const text of heads) make("th", text, "font-weight:500;color:var(--tam-muted)", head).scope = "col";
    const body = make("tbody", "", "", made);
    for (const cells of rows) {
      const row = make("tr", "", "", body);
      cells.forEach((text, at) => make("td", text, `vertical-align:top;${at ? "overflow-wrap:anywhere" : "white-space:nowrap"}`, row));
    }
  };
  const folded = (title, isOpen) => {
    const made = make("details", "", "margin-top:6px", part("why"));
    make("summary", title, "cursor:pointer;font-weight:500", made);
    made.open = isOpen;
    return made;
  };
  const why = (link, cause, effect, parent) => {
    const made = make("div", "", "border-bottom:1px solid var(--tam-line);padding:5px 0 6px;font-size:12px", parent);
    made.setAttribute("role", "listitem");
    const head = make("div", "", "display:flex;flex-wrap:wrap;gap:0 10px;align-items:baseline", made);
    make("b", `${cause.kind} ⟶ ${effect.kind}`, "", head);
    make("span", link.sure, "font-weight:600;font-variant-numeric:tabular-nums", head);
    make("span", link.pattern ? `${link.pattern} ${link.title}` : "no single link", "", head).className = "muted";
    for (const [whose, words] of link.evidence) {
      const line = make("div", "", "overflow-wrap:anywhere", made);
      make("span", `${whose}: `, "", line).className = "muted";
      make("span", words.join(" · "), "", line);
    }
  };
  const draw = () => {
    const card = model.get("chain");
    const opened = [...part("why").querySelectorAll("details")].map((one) => one.open);
    part("chain").replaceChildren();
    part("why").replaceChildren();
    part("verdict").className = card.said ? "bad" : card.steps.length ? "" : "muted";
    part("verdict").textContent = card.said || card.verdict
      || (model.get("picks").length ? "Choose an incident, or name an object."
        : "No incident of a cluster yet: one appears with the first trouble that a watch or a replay shows.");
    card.steps.forEach((step, at) => {
      const link = at ? card.links[at - 1] ?? { sure: "", pattern: "", title: "" } : null;
      part("chain").appendChild(box(step, link, !at && card.steps.length > 1, at === card.steps.length - 1));
    });
    if (card.links.length) {
      const list = make("div", "", "", folded("Why each link holds", opened[0] ?? true));
      list.setAttribute("role", "list");
      list.setAttribute("aria-label", "evidence of each link");
      card.links.forEach((link, at) => why(link, card.steps[at], card.steps[at + 1], list));
    }
    if (card.others.length) {
      const rows = card.others.map((one) => [one.kind, one.object, one.at, one.sure, `${one.steps}`, one.title]);
      table("other candidates", ["on the way, or instead", "of", "at", "confidence", "links", "pattern"], rows,
        folded(`Other candidates: ${card.others.length}`, opened[1] ?? false));
    }
  };
  const fill = () => {
    const picks = model.get("picks");
    const chosen = model.get("chain").asked;
    const first = picks.length ? `${picks.length} incident${picks.length > 1 ? "s" : ""}: choose` : "no incident yet";
    select.replaceChildren(new Option(first, ""), ...picks.map((one) => new Option(one.label, one.what)));
    select.value = picks.some((one) => one.what === chosen) ? chosen : "";
    select.disabled = !picks.length;
    draw();
  };
  select.addEventListener("change", () => { input.value = ""; ask(select.value); });
  button.addEventListener("click", () => ask(input.value.trim() || select.value));
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") ask(input.value.trim());
  });
  model.on("change:chain", fill);
  model.on("change:picks", fill);
  fill();
  return () => { model.off("change:chain", fill); model.off("change:picks", fill); };
}
export default { render };
