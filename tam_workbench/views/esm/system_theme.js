// Tells the page whether the system prefers dark, now and whenever that changes.
function render({ model, el }) {
  const query = window.matchMedia("(prefers-color-scheme: dark)");
  const tell = () => { model.set("prefers", query.matches ? "dark" : "light"); model.save_changes(); };
  query.addEventListener("change", tell);
  el.style.display = "none";
  tell();
  return () => query.removeEventListener("change", tell);
}
export default { render };
