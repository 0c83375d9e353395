// A proposal that asks: a = approve, r = reject, then a reason, Enter confirms, Escape goes back.
const FIELDS = [
  ["why", "rationale"], ["blast radius", "blast_radius"], ["rollback", "rollback"], ["confidence", "confidence"],
  ["with", "arguments"], ["gate", "permission"], ["expires", "expires"],
];
let serial = 0;

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "tam";
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "approval card: a approves, r rejects");
  el.appendChild(root);
  let decision = "", drawn = "";
  const reasonId = `tam-reason-${++serial}`;

  const decide = () => {
    const card = model.get("card");
    const reason = root.querySelector("input").value.trim() || `${decision} without a reason`;
    const message = { kind: "decide", decision, key: card.key, reason, number: Date.now() };
    decision = "";
    if (typeof model.send === "function") model.send(message);
    else { model.set("decided", message); model.save_changes(); }
    draw();
    root.querySelector("[data-said]").textContent = "sent …";
    root.focus();
  };
  const choose = (next) => {
    if (!model.get("card").pending) return;
    decision = next;
    draw();
    root.querySelector("input").focus();
  };
  const button = (text, key, css, action) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = css;
    made.append(`${text} `);
    const hint = document.createElement("kbd");
    hint.textContent = key;
    made.appendChild(hint);
    made.addEventListener("click", action);
    return made;
  };
  const asking = (card) => {
    const box = document.createElement("div");
    const label = document.createElement("label");
    label.htmlFor = reasonId;
    label.textContent = `${decision === "approve" ? "Approve" : "Reject"} ${card.action}: why?`;
    const input = document.createElement("input");
    input.id = reasonId;
    input.placeholder = "reason, for the ledger";
    const row = document.createElement("div");
    row.className = "row";
    row.style.marginTop = "8px";
    row.append(
      button(decision === "approve" ? "Approve" : "Reject", "Enter", decision === "approve" ? "good" : "bad", decide),
      button("Back", "Esc", "", () => { decision = ""; draw(); root.focus(); }),
    );
    box.append(label, input, row);
    return box;
  };
  const draw = () => {
    const card = model.get("card") || { pending: false };
    const state = JSON.stringify([card, decision, model.get("said")]);
    if (state === drawn) return;
    const typed = root.querySelector("input")?.value;
    const typing = typed !== undefined && decision !== "";
    drawn = state;
    root.replaceChildren();
    const head = document.createElement("h4");
    head.textContent = card.key ? `${card.action} ${card.target}` : "No approval waits";
    root.appendChild(head);
    if (card.key) {
      const list = document.createElement("dl");
      for (const [name, key] of FIELDS) {
        if (card[key] === "" || card[key] === undefined) continue;
        list.appendChild(document.createElement("dt")).textContent = name;
        list.appendChild(document.createElement("dd")).textContent = String(card[key]).replaceAll("_", " ");
      }
      root.appendChild(list);
      for (const reason of card.reasons) root.appendChild(document.createElement("p")).textContent = `• ${reason}`;
    } else {
      root.appendChild(document.createElement("p")).textContent = card.why || "";
    }
    if (card.pending && decision) root.appendChild(asking(card));
    else if (card.pending) {
      const row = document.createElement("div");
      row.className = "row";
      row.append(button("Approve", "a", "good", () => choose("approve")), button("Reject", "r", "bad", () => choose("reject")));
      root.appendChild(row);
    }
    const said = document.createElement("p");
    said.className = "muted";
    said.dataset.said = "";
    said.setAttribute("aria-live", "polite");
    said.textContent = model.get("said") || "";
    root.appendChild(said);
    if (typing && root.querySelector("input")) {
      root.querySelector("input").value = typed;
      root.querySelector("input").focus();
    }
  };
  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const isTyping = event.target instanceof HTMLInputElement;
    if (isTyping && event.key === "Enter") decide();
    else if (isTyping && event.key === "Escape") { decision = ""; draw(); root.focus(); }
    else if (!isTyping && !event.ctrlKey && !event.metaKey && event.key === "a") { event.preventDefault(); choose("approve"); }
    else if (!isTyping && !event.ctrlKey && !event.metaKey && event.key === "r") { event.preventDefault(); choose("reject"); }
  });
  model.on("change:card", draw);
  model.on("change:said", draw);
  draw();
  return () => { model.off("change:card", draw); model.off("change:said", draw); };
}
export default { render };
