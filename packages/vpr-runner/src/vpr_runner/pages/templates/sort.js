"use strict";
(() => {
  // Tables sort by the heading that is pressed; empty cells stay at the end.
  for (const table of document.querySelectorAll("table.sorts")) {
    const heads = [...table.tHead.querySelectorAll("th")], body = table.tBodies[0], rows = [...body.rows];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const order = head.querySelector("button").dataset.kind === "number" ? (a, b) => a - b : (a, b) => a.localeCompare(b);
      rows.sort((a, b) => {
        const [one, other] = [value(a), value(b)];
        if (!one || !other) return !one - !other;
        return (down ? -1 : 1) * order(one, other);
      });
      body.append(...rows);
    }));
  }
})();
