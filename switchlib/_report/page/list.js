"use strict";
// A list of any length, of which only the rows that can be seen are elements.

let listsMade = 0;

class VirtualList {
  /**
   * `row(i)` makes the element of a row, `choose(i)` is called when one is chosen, and `key(event,
   * i)` may handle a key, and then returns true.
   */
  constructor({ label, role = "listbox", rowRole = "option", kind = "", height, row, choose, key,
  }) {
    this.height = height;
    this.makeRow = row;
    this.onChoose = choose;
    this.onKey = key;
    this.rowRole = rowRole;
    this.prefix = `list${++listsMade}-`;
    this.count = 0;
    this.chosen = -1;
    this.rows = el("div", { class: "rows", role: "presentation" });
    this.element = el("div", {
      class: `list ${kind}`, role, tabindex: 0, "aria-label": label,
      onscroll: () => this._draw(), onkeydown: (event) => this._keydown(event),
      onclick: (event) => this._click(event),
    }, this.rows);
    new ResizeObserver(() => this._draw()).observe(this.element);
  }

  /** Shows so many rows anew. */
  update(count, emptyText = "Nothing found") {
    this.count = count;
    this.emptyText = emptyText;
    this.chosen = Math.min(this.chosen, count - 1);
    this.rows.style.height = `${count * this.height}px`;
    this._draw();
  }

  _draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(Math.floor(scrollTop / this.height) - 4, 0);
    const last = Math.min(Math.ceil((scrollTop + clientHeight) / this.height) + 4, this.count);
    const shown = [];
    for (let i = first; i < last; i++) shown.push(this._element(i));
    if (!this.count) shown.push(el("p", { class: "empty" }, this.emptyText));
    this.rows.replaceChildren(...shown);
    const isThere = this.chosen >= first && this.chosen < last;
    if (isThere) this.element.setAttribute("aria-activedescendant", this.prefix + this.chosen);
    else this.element.removeAttribute("aria-activedescendant");
  }

  _element(i) {
    const row = this.makeRow(i);
    row.classList.add("row");
    row.id = this.prefix + i;
    row.dataset.row = i;
    row.style.transform = `translateY(${i * this.height}px)`;
    row.style.height = `${this.height}px`;
    row.setAttribute("role", this.rowRole);
    row.setAttribute("aria-selected", i === this.chosen);
    if (this.rowRole !== "treeitem") {
      row.setAttribute("aria-posinset", i + 1);
      row.setAttribute("aria-setsize", this.count);
    }
    return row;
  }

  choose(i, { quiet = false } = {}) {
    this.chosen = i;
    this.reveal(i);
    this._draw();
    if (!quiet && i >= 0) this.onChoose?.(i);
  }

  reveal(i) {
    if (i < 0) return;
    const top = i * this.height;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) {
      this.element.scrollTop = top + this.height - clientHeight;
    }
  }

  _click(event) {
    const row = event.target.closest("[data-row]");
    if (row) this.choose(Number(row.dataset.row));
  }

  _keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.count) return;
    const page = Math.max(Math.floor(this.element.clientHeight / this.height) - 1, 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page,
      Home: -this.count, End: this.count };
    if (this.onKey?.(event, this.chosen)) event.preventDefault();
    else if (event.key in steps) {
      event.preventDefault();
      const target = this.chosen + steps[event.key];
      this.choose(Math.min(Math.max(target, 0), this.count - 1));
    }
  }
}
