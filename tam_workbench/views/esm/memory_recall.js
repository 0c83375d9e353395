// Asks memory and shows what it recalls, with the parts of every score.
let serial = 0;

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "tam";
  const id = `tam-recall-${++serial}`;
  root.innerHTML = `<div class="row"><label for="${id}"><h4>Has this happened before?</h4></label></div>`
    + `<div class="row" style="flex-wrap:nowrap"><input id="${id}" placeholder="checkout times out after a config change">`
    + '<button type="button">Recall</button></div><p data-verdict aria-live="polite"></p><div data-hits></div>';
  const input = root.querySelector("input");
  const hits = root.querySelector("[data-hits]");
  const verdict = root.querySelector("[data-verdict]");
  el.appendChild(root);

  const ask = () => {
    const text = input.value.trim();
    if (!text) return;
    verdict.className = "muted";
    verdict.textContent = "asking …";
    model.send({ kind: "ask", text, number: Date.now() });
  };
  const bar = (name, part, most) => {
    const row = document.createElement("tr");
    const share = Math.max(0, Math.min(1, part / most)) * 100;
    row.appendChild(document.createElement("td")).textContent = name;
    const cell = row.appendChild(document.createElement("td"));
    cell.style.width = "55%";
    const filled = cell.appendChild(document.createElement("div"));
    filled.style.cssText = `height:8px;width:${share}%;background:var(--tam-learner);border-radius:2px`;
    const figure = row.appendChild(document.createElement("td"));
    figure.style.textAlign = "right";
    figure.textContent = part.toFixed(2);
    return row;
  };
  // The bar of words is measured by the best hit; the other parts are at most one.
  const card = (hit, most) => {
    const box = document.createElement("details");
    box.style.cssText = "border-top:1px solid var(--tam-line);padding:6px 0";
    const head = box.appendChild(document.createElement("summary"));
    const helped = hit.helped === true ? "✓ helped" : hit.helped === false ? "✗ did not help" : "";
    const done = hit.action ? ` · ${hit.action} ${helped}` : "";
    const seen = hit.count === 1 ? "seen once" : `seen ${hit.count} times`;
    head.textContent = `${hit.score.toFixed(2)} · ${hit.service || "no service"} · ${hit.kind} · ${seen}${done}`;
    const text = box.appendChild(document.createElement("p"));
    text.style.cssText = "white-space:pre-line;overflow-wrap:anywhere;max-height:12em;overflow:auto";
    text.textContent = hit.text;
    const where = box.appendChild(document.createElement("p"));
    where.className = "muted";
    where.textContent = `${hit.tier}, first seen ${hit.when}, id ${hit.id.slice(0, 12)}`;
    const table = box.appendChild(document.createElement("table"));
    table.style.color = "inherit";
    table.setAttribute("aria-label", "parts of the score");
    for (const [name, part] of hit.parts) table.appendChild(bar(name, part, name === "words" ? most : 1));
    return box;
  };
  const draw = () => {
    const found = model.get("answer");
    hits.replaceChildren();
    if (!found || !found.asked) {
      if (model.get("said")) {
        verdict.className = "bad";
        verdict.textContent = model.get("said");
        return;
      }
      verdict.className = "muted";
      verdict.textContent = "Say what you see, press Enter: what was like it, and what helped then.";
      return;
    }
    if (document.activeElement !== input) input.value = found.asked;
    const nearest = found.is_new && found.hits.length ? " The nearest:" : "";
    verdict.className = model.get("said") ? "bad" : found.is_new ? "warn" : "good";
    verdict.textContent = model.get("said") || found.verdict + nearest;
    const words = found.hits.flatMap((hit) => hit.parts.filter(([name]) => name === "words"));
    const most = Math.max(1, ...words.map(([, part]) => part));
    found.hits.forEach((hit, at) => {
      const box = card(hit, most);
      box.open = at === 0 && !found.is_new;
      hits.appendChild(box);
    });
  };
  root.querySelector("button").addEventListener("click", ask);
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") ask();
  });
  model.on("change:answer", draw);
  model.on("change:said", draw);
  draw();
  return () => { model.off("change:answer", draw); model.off("change:said", draw); };
}
export default { render };
