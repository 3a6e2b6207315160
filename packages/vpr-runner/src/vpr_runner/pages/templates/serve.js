"use strict";
(() => {
  const get = (id) => document.getElementById(id);
  const svg = get("map"), map = svg ? zoomable(svg) : null;
  const middle = svg ? svg.dataset.middle.split(" ").map(Number) : [0, 0];
  const dot = (place) => (place && "x" in place ? `M${place.x - middle[0]} ${middle[1] - place.y}h0` : "");
  const link = (place) => {
    if (!place || !("lat" in place)) return document.createTextNode(place && "x" in place ? `x ${place.x.toFixed(1)} y ${place.y.toFixed(1)}` : "");
    const anchor = document.createElement("a");
    anchor.href = `https://www.openstreetmap.org/?mlat=${place.lat}&mlon=${place.lon}#map=18/${place.lat}/${place.lon}`;
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
    anchor.textContent = `${place.lat.toFixed(6)}, ${place.lon.toFixed(6)}`;
    return anchor;
  };
  const line = (className, ...content) => {
    const element = document.createElement("p");
    element.className = className;
    element.append(...content);
    return element;
  };
  let last = null;
  const ask = async (photo) => {
    last = photo;
    get("result").hidden = false;
    get("name").textContent = photo.name || "photo";
    get("verdict").textContent = "looking ...";
    get("note").textContent = "";
    get("place").replaceChildren();
    get("answers").replaceChildren();
    URL.revokeObjectURL(get("picture").src);
    get("picture").src = URL.createObjectURL(photo);
    const token = get("token").value;
    let found;
    try {
      const response = await fetch("search", { method: "POST", body: photo, headers: token ? { Authorization: `Bearer ${token}` } : {} });
      found = await response.json();
      if (response.status === 401) get("asktoken").hidden = false;
      if (!response.ok) throw new Error(typeof found.detail === "string" ? found.detail : "the service refused it");
    } catch (error) {
      get("verdict").textContent = error.message;
      return;
    }
    const estimate = found.estimate;
    const believed = estimate ? estimate.believed : null;
    get("result").className = `card ${believed === false ? "unsure" : "plain"}`;
    get("verdict").textContent = !estimate ? "no position" : believed === null ? "" : believed ? "believed" : "unknown place";
    get("note").textContent = believed === false ? "This is a guess: the nearest image is too far to be believed." : estimate && believed === null ? "This map is not calibrated: nobody knows whether to believe it (vpr calibrate)." : "";
    if (estimate) get("place").append(link(estimate), ` ± ${estimate.radius_m.toFixed(0)} m`);
    for (const answer of found.answers) {
      const item = document.createElement("li");
      item.append(line("name", `${answer.rank}. ${answer.image}`), line("detail", `distance ${answer.distance.toFixed(3)}`), line("detail", link(answer)));
      get("answers").append(item);
    }
    if (!svg) return;
    get("here").setAttribute("d", dot(estimate));
    get("halo").setAttribute("d", dot(estimate));
    get("others").setAttribute("d", found.answers.map(dot).join(""));
    get("reach").setAttribute("r", estimate ? estimate.radius_m : 0);
    if (estimate) {
      get("reach").setAttribute("cx", estimate.x - middle[0]);
      get("reach").setAttribute("cy", middle[1] - estimate.y);
      map.look(get("here").parentNode);
    }
  };
  get("photo").addEventListener("change", () => get("photo").files[0] && ask(get("photo").files[0]));
  get("token").addEventListener("change", () => last && ask(last));
  get("form").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) ask(event.dataTransfer.files[0]);
  });
})();
