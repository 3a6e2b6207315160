"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const cards = all(".card"), rows = all("#table tbody tr"), marks = all(".mark");
  const svg = document.getElementById("map");
  const map = svg ? zoomable(svg) : null;
  const select = (number, { scroll = false, look = false } = {}) => {
    for (const one of [...cards, ...marks]) one.classList.toggle("on", one.dataset.q === String(number));
    const mark = marks.find((one) => one.dataset.q === String(number));
    if (mark) mark.parentNode.append(mark); // on top
    document.dispatchEvent(new CustomEvent("vpr:select", { detail: { number: Number(number), look } }));
    if (scroll) {
      const card = document.getElementById(`q${number}`);
      card.scrollIntoView({ block: "nearest" });
    }
    if (look && mark && map) map.look(mark);
  };
  for (const mark of marks)
    mark.addEventListener("click", () => select(mark.dataset.q, { scroll: true }));
  document.addEventListener("vpr:pick", (event) => select(event.detail, { scroll: true }));
  for (const button of all("[data-look]"))
    button.addEventListener("click", () => select(button.dataset.look, { look: true }));
  for (const card of cards)
    card.addEventListener("mouseenter", () => select(card.dataset.q));

  // Filters.
  const form = document.querySelector(".filters");
  if (form) {
    const apply = () => {
      const wanted = form.elements.show.value, text = document.getElementById("find").value.trim().toLowerCase();
      let shown = 0;
      const hidden = new Set();
      cards.forEach((card, number) => {
        const { right, believed, name } = card.dataset;
        const good = (wanted === "all" || right === wanted || believed === wanted) && name.includes(text);
        shown += good;
        card.hidden = !good;
        if (!good) hidden.add(number);
        rows.find((row) => row.dataset.q === String(number)).hidden = !good;
        marks.find((mark) => mark.dataset.q === String(number))?.toggleAttribute("hidden", !good);
      });
      document.dispatchEvent(new CustomEvent("vpr:filter", { detail: hidden }));
      document.getElementById("count").value = `${shown} of ${cards.length}`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
  }
})();
