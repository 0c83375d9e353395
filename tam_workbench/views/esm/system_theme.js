// Tells the page whether the system prefers dark, now and whenever that changes.
function render({ model, el }) {
  const query = window.matchMedia("(prefers-color-scheme: dark)");
  const tell = () => { model.set("prefers", query.matches ? "dark" : "light"); model.save_changes(); };
  query.addEventListener("change", tell);
  el.style.display = "none";
  // Told while the page is still being built, it would be overwritten by the page's own start.
  const wait = setInterval(() => {
    const pages = globalThis.Bokeh?.documents ?? [];
    if (pages.length && !pages.every((page) => page.is_idle)) return;
    clearInterval(wait);
    tell();
  }, 50);
  return () => query.removeEventListener("change", tell);
}
export default { render };
