// How an object stood at a moment, with a slider over time and what had changed just before.
let serial = 0;
const AGO = [["a minute", 60], ["10 minutes", 600], ["an hour", 3600]];

function render({ model, el }) {
  const id = `tam-state-${++serial}`;
  const make = (tag, text, css, parent) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (css) made.style.cssText = css;
    if (parent) parent.appendChild(made);
    return made;
  };
  const field = "font:inherit;color:var(--tam-text);background:var(--tam-surface);border:1px solid var(--tam-muted);border-radius:4px;padding:4px 6px";
  const root = make("div");
  root.className = "tam";
  root.innerHTML = `<div class="row"><h4 style="white-space:nowrap;margin:0">State then</h4>`
    + `<input aria-label="object" list="${id}" style="flex:1 1 180px;width:180px;min-width:0" placeholder="shop/Deployment/api"><datalist id="${id}"></datalist>`
    + `<input aria-label="time" style="flex:0 1 190px;width:190px" placeholder="2026-01-10T23:19:42Z">`
    + `<select aria-label="compared with" style="${field}"></select></div>`
    + `<div data-time style="position:relative;margin:8px 2px 2px"><input type="range" min="0" max="1000" aria-label="moment" style="padding:0;display:block">`
    + `<div data-marks style="position:relative;height:20px"></div></div><p data-said aria-live="polite"></p>`
    + `<div style="display:flex;flex-wrap:wrap;gap:10px 14px;align-items:flex-start"><div data-changed style="flex:1 1 260px;min-width:0"></div>`
    + `<pre data-state tabindex="0" aria-label="state" style="flex:1 1 300px;min-width:0;max-height:330px;overflow:auto;margin:0;`
    + `font:12px/1.5 ui-monospace,monospace;background:var(--tam-raised);border-radius:6px;padding:8px 10px;color:inherit;white-space:pre-wrap;overflow-wrap:anywhere"></pre></div>`;
  el.appendChild(root);
  const [object, time] = [...root.querySelectorAll(".row input")];
  const [ago, range] = [root.querySelector("select"), root.querySelector("input[type=range]")];
  const part = (name) => root.querySelector(`[data-${name}]`);
  for (const [words, seconds] of AGO) ago.add(new Option(`against ${words} before`, seconds));
  let waiting = 0, touched = 0;

  const ms = (text) => Date.parse(text);
  const shown = (at) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
  const bounds = () => { const span = model.get("span"); return span.from ? [ms(span.from), ms(span.to)] : null; };
  const ask = () => {
    clearTimeout(waiting);
    const what = object.value.trim();
    if (!what) return;
    const known = model.get("objects").find((one) => one.label === what);
    const number = Date.now();
    model.set("asked", { what: known ? known.what : what, at: time.value.trim(), ago_s: Number(ago.value), number });
    model.save_changes();
  };
  const slide = (value) => {
    const ends = bounds();
    if (!ends) return;
    touched = Date.now();
    time.value = shown(ends[0] + (ends[1] - ends[0]) * value / 1000);
    clearTimeout(waiting);
    waiting = setTimeout(ask, 150);
  };
  const share = (at) => { const [from, to] = bounds(); return Math.max(0, Math.min(1, (at - from) / (to - from || 1))); };
  const drawMarks = () => {
    part("marks").replaceChildren();
    part("time").style.display = bounds() ? "block" : "none";
    if (!bounds()) return;
    const width = root.clientWidth || 700;
    const groups = [];  // marks too near to be told apart share one sign
    for (const mark of model.get("span").marks) {
      const at = share(ms(mark.at));
      const near = groups.find((one) => Math.abs(one.at - at) * width < 14 + 7 * one.marks[0].label.length);
      if (near) near.marks.push(mark); else groups.push({ at, marks: [mark] });
    }
    for (const { at, marks } of groups) {
      const mark = marks[0], more = marks.length > 1 ? ` +${marks.length - 1}` : "";
      const isLate = at > 0.85;
      const tick = make("button", "", `position:absolute;left:calc(8px + ${at} * (100% - 16px));`
        + `transform:translateX(${isLate ? "calc(-100% + 5px)" : "-5px"});`
        + "border:0;background:none;padding:0;font-size:11px;color:var(--tam-muted);white-space:nowrap", part("marks"));
      tick.type = "button";
      tick.textContent = isLate ? `${mark.label}${more} ▲` : `▲ ${mark.label}${more}`;
      tick.title = marks.map((one) => `${one.label} of ${one.object}, ${one.at}`).join("\n");
      tick.setAttribute("aria-label", tick.title);
      tick.addEventListener("click", () => {
        const to = Math.ceil(ms(mark.at) / 1000) * 1000 + 1000;  // shown in whole seconds
        object.value = mark.object;
        slide(1000 * share(to));
        time.value = shown(to);
      });
    }
  };
  const drawChanged = (card) => {
    const box = part("changed");
    box.replaceChildren();
    if (!card.is_there && card.came !== "went") return;
    const words = AGO.find(([, seconds]) => seconds === card.ago_s)?.[0] ?? `${card.ago_s} s`;
    make("div", `What changed in ${words} before`, "font-weight:500;margin-bottom:4px", box);
    if (card.came) {
      const told = card.came === "came" ? "It came into view in that time: there is nothing to compare with." : "It went in that time.";
      make("p", told, "", box).className = "muted";
    } else if (!card.changed.length) make("p", "Nothing: it stood as it had.", "", box).className = "muted";
    for (const [path, before, after] of card.changed) {
      const row = make("div", "", "border-bottom:1px solid var(--tam-line);padding:4px 0;overflow-wrap:anywhere", box);
      make("div", path, "font-size:12px", row).className = "muted";
      const side = (sign, text, css) => make("span", `${sign} ${text}`, "display:inline-block;margin-right:12px", row).className = css;
      if (before !== "—") side("−", before, "bad");
      if (after !== "—") side("+", after, "good");
    }
    if (card.more) make("p", `and ${card.more} more`, "", box).className = "muted";
  };
  const drawState = (card) => {
    const pane = part("state");
    pane.replaceChildren();
    pane.style.display = card.is_there ? "block" : "none";
    let first = null;
    for (const [indent, name, value, isChanged] of card.rows) {
      const line = make("div", "", `padding-left:${indent * 14 + 14}px;text-indent:-14px;`
        + (isChanged ? "border-left:3px solid var(--tam-doubtful);background:var(--tam-surface)" : "border-left:3px solid transparent"), pane);
      make("span", isChanged ? "▸ " : "  ", "color:var(--tam-doubtful)", line);
      make("span", `${name} `, "color:var(--tam-muted)", line);
      make("span", value, isChanged ? "font-weight:600" : "", line);
      if (isChanged && value && !first) first = line;
    }
    if (first) pane.scrollTop = Math.max(0, first.offsetTop - pane.offsetTop - 90);
    else pane.scrollTop = 0;
  };
  const draw = () => {
    const card = model.get("state");
    if (document.activeElement !== object) object.value = card.object || card.what;
    if (card.at && document.activeElement !== time && Date.now() - touched > 400) time.value = shown(ms(card.at));
    if (card.at && bounds() && document.activeElement !== range) range.value = Math.round(1000 * share(ms(card.at)));
    const said = part("said");
    said.className = card.said ? "bad" : "muted";
    const at = card.at ? shown(ms(card.at)).replace("T", " ").replace("Z", "") : "";
    said.textContent = card.said || (!card.what ? "Name an object and a time: it is shown as it stood then."
      : card.is_there ? `${card.object} as it stood at ${at}` : `${card.object} was not there at ${at}.`);
    drawChanged(card);
    drawState(card);
  };
  const fill = () => {
    root.querySelector("datalist").replaceChildren(...model.get("objects").map((one) => new Option(one.label, one.label)));
    drawMarks();
    draw();
  };
  range.addEventListener("input", () => slide(Number(range.value)));
  ago.addEventListener("change", ask);
  for (const input of [object, time]) {
    input.addEventListener("keydown", (event) => { event.stopPropagation(); if (event.key === "Enter") ask(); });
    input.addEventListener("change", ask);
  }
  for (const name of ["span", "objects"]) model.on(`change:${name}`, fill);
  model.on("change:state", draw);
  fill();
  return () => {
    clearTimeout(waiting);
    for (const name of ["span", "objects"]) model.off(`change:${name}`, fill);
    model.off("change:state", draw);
  };
}
export default { render };
