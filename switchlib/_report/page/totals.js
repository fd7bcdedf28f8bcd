"use strict";
// What greenlets of the same name ran in all.

class TotalsView {
  constructor(app) {
    this.app = app;
    this.timeline = app.timeline;
    this.title = "Totals";
    const number = (title, value, text) => ({ title, width: "92px", number: true, value,
      text: (row) => text(value(row)) });
    const whole = this.timeline.ran.reduce((sum, ran) => sum + ran, 0) || 1;
    this.table = new SortedTable({
      label: "Totals by name", sortBy: 3,
      columns: [
        { title: "Name", width: "minmax(140px, 1fr)", value: (row) => row.name,
          text: (row) => row.name },
        number("Greenlets", (row) => row.count, counted),
        number("Stretches", (row) => row.slices, counted),
        number("Ran", (row) => row.ran, duration),
        number("Share", (row) => row.ran / whole, (part) => `${(100 * part).toFixed(1)} %`),
        number("Longest", (row) => row.longest, duration),
        number("Average", (row) => (row.slices ? row.ran / row.slices : 0), duration),
      ],
      choose: (row) => this._choose(row),
    });
    this.list = this.table.list;
    this.element = this.table.element;
    this.search("");
  }

  /** Shows the names that have this; returns their number of greenlets. */
  search(query) {
    const { timeline } = this;
    const rows = new Map();
    for (let k = 0; k < timeline.trackCount; k++) {
      const name = timeline.name(k);
      if (query && !name.toLowerCase().includes(query)) continue;
      let row = rows.get(name);
      if (!row) rows.set(name, (row = { name, count: 0, slices: 0, ran: 0, longest: 0 }));
      row.count++;
      row.slices += timeline.slicesOf(k);
      row.ran += timeline.ran[k];
      if (timeline.longest[k] >= 0) {
        row.longest = Math.max(row.longest, timeline.span(timeline.longest[k]));
      }
    }
    this.table.show([...rows.values()]);
    return 0;
  }

  _choose(row) {
    const { timeline } = this;
    this.app.views[0]._longest(`The longest stretches of ${row.name}`,
      (i) => timeline.name(timeline.track[i]) === row.name);
  }
}
