"use strict";
// What greenlets wait for, and cycles of waiting.

const MOST_DRAWN = 12; // members of a cycle

class WaitsView {
  constructor(app) {
    this.app = app;
    this.model = app.model;
    this.title = "Waits";
    const { deadlocks } = this.model;
    this.badge = deadlocks.length ? plural(deadlocks.length, "cycle") : "";
    this.isBad = deadlocks.length > 0;
    this.table = new SortedTable({
      label: "What greenlets wait for", sortBy: 1,
      columns: [
        { title: "Waits for", width: "minmax(200px, 3fr)", value: (row) => row.text,
          text: (row) => row.text },
        { title: "Greenlets", width: "100px", number: true, value: (row) => row.members.length,
          text: (row) => counted(row.members.length) },
        { title: "Held by", width: "minmax(120px, 2fr)", value: (row) => row.holder,
          text: (row) => row.holder },
      ],
      choose: (row) => this.app.details.group(row.members,
        `${plural(row.members.length, "greenlet")}: ${row.text}`),
    });
    this.table.element.style.minHeight = "260px";
    const cycles = el("div", { class: "cycles" },
      deadlocks.map((each) => this._deadlock(each)));
    this.element = el("section", {}, deadlocks.length ? cycles : "", this.table.element);
    this.filter(null);
  }

  filter(found) {
    const rows = new Map();
    for (const [key, waits] of Object.entries(this.model.waits)) {
      const i = Number(key);
      if (found && !found.has(i)) continue;
      for (const [text, , holder] of waits) {
        const name = `${text} ${holder}`;
        let row = rows.get(name);
        if (!row) {
          row = { text: this.model.text(text), members: [],
            holder: holder < 0 ? "" : `${this.model.label(holder)} ${this.model.address(holder)}` };
          rows.set(name, row);
        }
        row.members.push(i);
      }
    }
    this.table.show([...rows.values()]);
  }

  _deadlock({ members, certain, behind }) {
    const count = plural(members.length, "greenlet");
    const more = behind ? ` ${counted(behind)} more wait for them.` : "";
    const known = members.filter((i) => i >= 0);
    return el("div", { class: "deadlock" },
      el("h2", {}, certain ? `Deadlock of ${count}` : `Perhaps a deadlock of ${count}`),
      el("p", { class: "dim" }, "Each waits for the next, and the last for the first." + more),
      known.length <= MOST_DRAWN ? this._circle(known) : this._names(known));
  }

  _names(members) {
    return el("ul", { class: "plain details" }, members.map((i) => el("li", {},
      this.app.details.link(i), ` waits for ${this.model.waitsText(i)}`)));
  }

  /** The members in a circle, with an arrow from each to what it waits for. */
  _circle(members) {
    const count = members.length;
    const radius = count < 3 ? 60 : 46 + 14 * count;
    const width = 720;
    const at = members.map((_, n) => {
      const angle = (2 * Math.PI * n) / count - Math.PI / 2 + (count === 2 ? Math.PI / 2 : 0);
      return [width / 2 + 1.6 * radius * Math.cos(angle), radius * Math.sin(angle)];
    });
    const heights = at.map(([, y]) => y);
    const top = Math.min(...heights) - 54;
    const height = Math.max(...heights) + 54 - top;
    const marker = svg("marker", { id: "arrow", viewBox: "0 0 10 10", refX: 9, refY: 5,
      markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
      svg("path", { d: "M 0 0 L 10 5 L 0 10 z" }));
    const arrows = members.map((_, n) => arrow(at[n], at[(n + 1) % count], 10));
    const nodes = members.map((i, n) => {
      const [x, y] = at[n];
      const left = count > 1 && x < width / 2 - 1;
      const middle = Math.abs(x - width / 2) <= 1;
      const anchor = middle ? "middle" : left ? "end" : "start";
      const tx = middle ? x : x + (left ? -16 : 16);
      const ty = middle ? y + (y < 0 ? -32 : 24) : y - 2;
      const open = () => this.app.chooseGreenlet(i);
      return svg("g", { role: "button", tabindex: 0, onclick: open,
        onkeydown: (event) => (event.key === "Enter" || event.key === " ") && open() },
        svg("circle", { cx: x, cy: y, r: 7 }),
        svg("text", { x: tx, y: ty, "text-anchor": anchor, "font-weight": 600 },
          this.model.label(i)),
        svg("text", { x: tx, y: ty + 16, "text-anchor": anchor, class: "why" },
          clipped(this.model.text(this.model.waits[i]?.[0][0] ?? -1), 34)));
    });
    return svg("svg", { viewBox: `0 ${top} ${width} ${height}`, width, height, role: "group",
      "aria-label": "Cycle of waiting" }, svg("defs", {}, marker), arrows, nodes);
  }
}

/** An arrow from one point to another, bent to the outside, that stops before both. */
function arrow([x1, y1], [x2, y2], space) {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const bend = length / 5;
  const [cx, cy] = [(x1 + x2) / 2 + uy * bend, (y1 + y2) / 2 - ux * bend];
  const [a, b] = [x1 + ux * space, y1 + uy * space];
  const [c, d] = [x2 - ux * space, y2 - uy * space];
  return svg("path", { d: `M ${a} ${b} Q ${cx} ${cy} ${c} ${d}`, "marker-end": "url(#arrow)" });
}
