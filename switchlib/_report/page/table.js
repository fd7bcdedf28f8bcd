"use strict";
// A table whose columns sort it.

class SortedTable {
  /**
   * `columns` are {title, width, value(row), text(row), number}; `choose(row)` is called when a row
   * is chosen.
   */
  constructor({ label, columns, choose, sortBy }) {
    this.columns = columns;
    this.sortBy = sortBy;
    this.descending = true;
    this.records = [];
    const template = columns.map((column) => column.width).join(" ");
    this.heads = columns.map((column, i) => (column.title ? el("button", {
      type: "button", class: column.number ? "number" : null, onclick: () => this._sort(i),
    }, column.title) : el("span")));
    this.list = new VirtualList({
      label, height: 28, kind: "table",
      row: (i) => el("div", { style: `grid-template-columns: ${template}` },
        columns.map((column) => el("span", { class: column.number ? "number" : null },
          column.text(this.records[i])))),
      choose: (i) => choose(this.records[i]),
    });
    const head = el("div", { class: "table-head", style: `grid-template-columns: ${template}` },
      this.heads);
    this.element = el("section", {}, head, this.list.element);
  }

  show(records) {
    this.records = records;
    this._order();
  }

  _sort(i) {
    this.descending = i === this.sortBy ? !this.descending : Boolean(this.columns[i].number);
    this.sortBy = i;
    this._order();
  }

  _order() {
    const { value } = this.columns[this.sortBy];
    const sign = this.descending ? -1 : 1;
    this.records.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return sign * (x < y ? -1 : x > y ? 1 : 0);
    });
    this.heads.forEach((head, i) => {
      if (!this.columns[i].title) return;
      const order = this.descending ? "descending" : "ascending";
      head.setAttribute("aria-sort", i === this.sortBy ? order : "none");
      head.textContent = this.columns[i].title
        + (i === this.sortBy ? (this.descending ? " ↓" : " ↑") : "");
    });
    this.list.update(this.records.length);
  }
}
