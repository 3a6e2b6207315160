"use strict";
// A map: its viewBox is all that moves; dots are strokes that keep their width.
const zoomable = (svg) => {
  const whole = svg.dataset.view.split(" ").map(Number);
  let view = [...whole];
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
  for (const button of document.querySelectorAll("[data-zoom]"))
    button.addEventListener("click", () => ({ in: () => zoom(0.7), out: () => zoom(1 / 0.7), fit })[button.dataset.zoom]());
  new ResizeObserver(draw).observe(svg);
  draw();
  // Shows a mark and what is around it.
  const look = (mark) => {
    const box = mark.getBBox();
    const side = Math.max(box.width, box.height, whole[2] / 60) * 1.6;
    const ratio = whole[3] / whole[2];
    view = [box.x + box.width / 2 - side / 2, box.y + box.height / 2 - (side * ratio) / 2, side, side * ratio];
    draw();
    svg.scrollIntoView({ block: "nearest" });
  };
  return { look, fit };
};
