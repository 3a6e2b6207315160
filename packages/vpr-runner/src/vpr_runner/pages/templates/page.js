"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const cards = all(".card"), rows = all("#table tbody tr"), marks = all(".mark");
  const svg = document.getElementById("map");

  // The map: its viewBox is all that moves; dots are strokes that keep their width.
  let view = svg ? svg.dataset.view.split(" ").map(Number) : null;
  const whole = view && [...view];
  const scale = () => Math.max(view[2] / svg.clientWidth, view[3] / svg.clientHeight);
  const draw = () => {
    svg.setAttribute("viewBox", view.map((value) => value.toFixed(3)).join(" "));
    const wanted = 110 * scale(), power = 10 ** Math.floor(Math.log10(wanted));
    const nice = [5, 2, 1].find((step) => step * power <= wanted) * power;
    document.getElementById("bar").style.width = `${nice / scale()}px`;
    const unit = svg.dataset.unit;
    document.getElementById("bartext").textContent =
      unit === "m" && nice >= 1000 ? `${nice / 1000} km` : `${+nice.toPrecision(3)} ${unit}`;
  };
  const at = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [point.x, point.y];
  };
  const zoom = (factor, [x, y] = [view[0] + view[2] / 2, view[1] + view[3] / 2]) => {
    const width = view[2] * factor;
    if (width > whole[2] * 4 || width < whole[2] / 4000) return;
    view = [x - (x - view[0]) * factor, y - (y - view[1]) * factor, width, view[3] * factor];
    draw();
  };
  const fit = () => { view = [...whole]; draw(); };
  const move = (x, y) => { view[0] += x * view[2]; view[1] += y * view[3]; draw(); };
  const select = (number, { scroll = false, look = false } = {}) => {
    for (const one of [...cards, ...marks]) one.classList.toggle("on", one.dataset.q === String(number));
    const mark = marks.find((one) => one.dataset.q === String(number));
    if (mark) mark.parentNode.append(mark); // on top
    document.dispatchEvent(new CustomEvent("vpr:select", { detail: { number: Number(number), look } }));
    if (scroll) {
      const card = document.getElementById(`q${number}`);
      card.scrollIntoView({ block: "nearest" });
    }
    if (look && mark) {
      const box = mark.getBBox();
      const side = Math.max(box.width, box.height, whole[2] / 60) * 1.6;
      const ratio = whole[3] / whole[2];
      view = [box.x + box.width / 2 - side / 2, box.y + box.height / 2 - (side * ratio) / 2, side, side * ratio];
      draw();
      svg.scrollIntoView({ block: "nearest" });
    }
  };
  if (svg) {
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(1.0015 ** Math.max(-300, Math.min(300, event.deltaY)), at(event));
    }, { passive: false });
    let from = null;
    svg.addEventListener("pointerdown", (event) => { from = at(event); });
    svg.addEventListener("pointermove", (event) => {
      if (!from || !event.buttons) return;
      const to = at(event);
      view[0] -= to[0] - from[0];
      view[1] -= to[1] - from[1];
      draw();
    });
    addEventListener("pointerup", () => { from = null; });
    svg.addEventListener("keydown", (event) => {
      const keys = {
        "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1 / 0.7), 0: fit,
        ArrowLeft: () => move(-0.1, 0), ArrowRight: () => move(0.1, 0),
        ArrowUp: () => move(0, -0.1), ArrowDown: () => move(0, 0.1),
      };
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    for (const button of all("[data-zoom]"))
      button.addEventListener("click", () => ({ in: () => zoom(0.7), out: () => zoom(1 / 0.7), fit })[button.dataset.zoom]());
    for (const mark of marks)
      mark.addEventListener("click", () => select(mark.dataset.q, { scroll: true }));
    new ResizeObserver(draw).observe(svg);
    draw();
  }
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
