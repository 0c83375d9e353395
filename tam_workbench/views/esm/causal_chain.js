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
  root.innerHTML = `<div class="row" style="flex-wrap:nowrap"><h4 style="white-space:nowrap;margin:0">What caused this?</h4>`
    + `<select id="${id}" aria-label="incident" style="flex:1 1 46%;min-width:0"></select>`
    + `<input aria-label="object" style="flex:1 1 34%;min-width:0" placeholder="or shop/Pod/web-1, a uid, a fact">`
    + `<button type="button">Ask</button></div><p data-verdict aria-live="polite"></p>`
    + `<div data-chain role="list" style="display:flex;overflow-x:auto;padding:4px 2px 8px"></div><div data-why></div>`;
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
  const box = (step, isRoot, isLast) => {
    const edge = isRoot ? "2px solid var(--tam-accent)" : isLast ? "2px solid var(--tam-distrusted)" : "1px solid var(--tam-line)";
    const made = make("div", "", `flex:1 0 178px;max-width:300px;min-width:0;border:${edge};border-radius:6px;`
      + "background:var(--tam-raised);padding:7px 10px;overflow-wrap:anywhere");
    made.setAttribute("role", "listitem");
    const role = isRoot ? "root cause" : isLast ? "what was asked" : "";
    const head = make("div", "", "display:flex;justify-content:space-between;gap:8px", made);
    make("b", step.kind, "", head);
    make("span", role, "font-size:11px;white-space:nowrap", head).className = "muted";
    make("div", step.object, "font-size:12px", made);
    make("div", step.at, "font-size:11.5px;font-variant-numeric:tabular-nums", made).className = "muted";
    if (step.detail) make("div", step.detail, "font-size:12px;margin-top:2px", made);
    return made;
  };
  const arrow = (link) => {
    const made = make("div", "", "flex:0 0 66px;text-align:center;align-self:center;font-size:11.5px");
    make("div", link ? link.sure : "", "font-weight:600", made);
    make("div", "⟶", "line-height:1;font-size:20px;color:var(--tam-muted)", made).setAttribute("aria-label", "led to");
    make("div", link ? link.pattern : "", "", made).className = "muted";
    made.title = link ? link.title : "";
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
      if (at) part("chain").appendChild(arrow(card.links[at - 1]));
      part("chain").appendChild(box(step, !at && card.steps.length > 1, at === card.steps.length - 1));
    });
    if (card.links.length) {
      const rows = card.links.map((link, at) => [
        `${card.steps[at].kind} ⟶ ${card.steps[at + 1].kind}`, link.sure,
        link.pattern ? `${link.pattern} ${link.title}` : "no single link", link.evidence.join(" · "),
      ]);
      table("evidence of each link", ["link", "confidence", "pattern", "evidence"], rows, folded("Why each link holds", opened[0] ?? true));
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
