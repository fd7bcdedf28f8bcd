"use strict";
// How much stack greenlets keep, by what they run.

class MemoryView {
  constructor(app) {
    this.app = app;
    this.model = app.model;
    this.title = "Memory";
    const number = (title, value, text = value) => ({ title, width: "84px", number: true, value,
      text: (row) => (text === value ? counted(value(row)) : text(row)) });
    this.table = new SortedTable({
      label: "Memory by run function", sortBy: 2,
      columns: [
        { title: "Run function", width: "minmax(140px, 2fr)", value: (row) => row.name,
          text: (row) => row.name },
        number("Greenlets", (row) => row.members.length),
        number("C stack", (row) => row.bytes, (row) => bytes(row.bytes)),
        number("In heap", (row) => row.saved, (row) => bytes(row.saved)),
        number("Each", (row) => row.bytes / row.members.length,
          (row) => bytes(Math.round(row.bytes / row.members.length))),
        number("Frames", (row) => row.frames / row.members.length,
          (row) => (row.frames / row.members.length).toFixed(1)),
        { title: "", width: "minmax(60px, 1fr)",
          text: (row) => el("span", { class: "share", style: "width: 100%; display: block" },
            el("i", { style: `width: ${(100 * row.bytes) / this.most}%` })) },
      ],
      choose: (row) => this._choose(row),
    });
    this.element = this.table.element;
    this.filter(null);
  }

  filter(found) {
    const { model } = this;
    const { run, bytes: sizes, saved, main } = model.columns;
    const rows = new Map();
    for (let i = 0; i < model.count; i++) {
      if (found && !found.has(i)) continue;
      const key = main[i] ? "main" : run[i];
      let row = rows.get(key);
      if (!row) {
        const name = main[i] ? "main greenlets" : model.run(i) || "not known";
        row = { name, members: [], bytes: 0, saved: 0, frames: 0 };
        rows.set(key, row);
      }
      row.members.push(i);
      row.bytes += sizes[i];
      row.saved += saved[i];
      row.frames += model.stack(i).length;
    }
    const records = [...rows.values()];
    this.most = records.reduce((most, row) => Math.max(most, row.bytes), 1);
    this.table.show(records);
  }

  _choose(row) {
    const { model } = this;
    const sizes = model.columns.bytes;
    const largest = [...row.members].sort((a, b) => sizes[b] - sizes[a]);
    const frame = model.columns.run[row.members[0]];
    this.app.details.show(
      el("h2", {}, row.name),
      el("p", { class: "under" }, frame < 0 ? "" : model.frameText(frame)),
      facts([["greenlets", counted(row.members.length)], ["C stack", bytes(row.bytes)],
        ["in the heap", bytes(row.saved)]]),
      el("button", { type: "button",
        onclick: () => this.app.showInTree(row.members, `run: ${row.name}`) }, "Show in the tree"),
      el("h3", {}, "The largest"),
      el("ul", { class: "plain" }, largest.slice(0, 20).map((i) => el("li", {},
        this.app.details.link(i), ` ${bytes(model.columns.bytes[i])} `,
        el("code", { class: "dim" }, model.address(i))))),
    );
  }
}
