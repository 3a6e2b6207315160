"use strict";
(() => {
  const { address, credit, marks, ground } = JSON.parse(document.getElementById("tiled").textContent);
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const map = L.map("tilemap", { preferCanvas: true });
  const text = (content) => document.createTextNode(content); // a name is text, whatever it looks like
  map.attributionControl.setPrefix("Leaflet");
  map.attributionControl.addAttribution(Object.assign(document.createElement("i"), { textContent: credit }).innerHTML);
  L.tileLayer(address, { maxZoom: 19 }).addTo(map);
  const dot = (place, colour, radius) => L.circleMarker(place, { radius, color: colour, weight: 1, fillColor: colour, fillOpacity: 0.85 });
  for (const place of ground)
    L.circleMarker(place, { radius: 2.5, stroke: false, fillColor: ink("ground"), fillOpacity: 0.9, interactive: false }).addTo(map);
  const layers = marks.map((mark, number) => {
    const colour = ink({ wrong: "wrong", right: "right", unsure: "unsure" }[mark.state] || "accent");
    const rest = L.featureGroup(), layer = L.featureGroup();
    if (mark.centre && mark.radius) L.circle(mark.centre, { radius: mark.radius, color: colour, weight: 1, fillOpacity: 0.1 }).addTo(rest);
    for (const place of mark.others) dot(place, ink("soft"), 4).addTo(rest);
    if (mark.here && mark.first) L.polyline([mark.here, mark.first], { color: colour, weight: 1.5 }).addTo(layer);
    if (mark.first) dot(mark.first, ink("ink"), 4).addTo(rest);
    if (mark.here) dot(mark.here, colour, 6).addTo(layer).bindTooltip(() => { const name = document.createElement("span"); name.append(text(mark.name)); return name; });
    layer.on("click", () => document.dispatchEvent(new CustomEvent("vpr:pick", { detail: number })));
    return { layer: layer.addTo(map), rest };
  });
  const whole = L.latLngBounds([...ground, ...marks.flatMap((mark) => [mark.here, mark.first]).filter(Boolean)]);
  const fit = () => map.fitBounds(whole.pad(0.05), { animate: false, maxZoom: 18 });
  fit();
  if (marks.length === 1) layers[0].rest.addTo(map);
  document.addEventListener("vpr:select", ({ detail: { number, look } }) => {
    layers.forEach(({ layer, rest }, other) => { if (marks.length > 1) rest[other === number && map.hasLayer(layer) ? "addTo" : "removeFrom"](map); });
    const { here, first } = marks[number];
    if (look && (here || first)) map.fitBounds(L.latLngBounds([here, first].filter(Boolean)).pad(0.4), { animate: false, maxZoom: 18 });
  });
  document.addEventListener("vpr:filter", ({ detail: hidden }) => {
    layers.forEach(({ layer, rest }, number) => {
      layer[hidden.has(number) ? "removeFrom" : "addTo"](map);
      if (hidden.has(number)) rest.removeFrom(map);
    });
  });
  document.getElementById("tilefit").addEventListener("click", fit);
})();
