"use strict";
// Greenlets below their parents.

const DEEPEST_INDENT = 24;

class TreeView {
  constructor(app) {
    this.app = app;
    this.model = app.model;
    this.title = "Tree";
    this.closed = new Set(); // greenlets, and threads as negative numbers
    this.nodes = []; // {i, level, open, children, around}; a thread is i < 0
    this.where = new Map(); // from i to its place in nodes
    this.list = new VirtualList({
      label: "Tree of greenlets", role: "tree", rowRole: "treeitem", height: 27, kind: "tree",
      row: (n) => this._row(this.nodes[n]),
      choose: (n) => this._choose(n),
      key: (event, n) => this._key(event, n),
    });
    this.list.element.addEventListener("click", (event) => {
      if (event.target.closest(".twisty")) this._toggle(this.list.chosen);
    });
    this.element = el("section", {}, this.list.element);
    this.badge = counted(this.model.count);
  }

  /** Shows those that the search has found, and their ancestors; all if it is null. */
  filter(found) {
    this.found = found;
    this.visible = null;
    if (found) {
      this.visible = new Set();
      const { parent } = this.model.columns;
      for (const i of found) {
        for (let at = i; at >= 0 && !this.visible.has(at); at = parent[at]) this.visible.add(at);
      }
    }
    this._rebuild();
  }

  _rebuild() {
    const { model, nodes, visible: shown } = this;
    const chosen = this.nodes[this.list.chosen]?.i;
    nodes.length = 0;
    this.where.clear();
    const drawn = new Set();
    const begin = (roots, thread) => {
      const i = -1 - thread;
      const there = shown ? roots.filter((each) => shown.has(each)) : roots;
      if (!there.length) return;
      this._add({ i, level: 1, open: !this.closed.has(i), children: there.length });
      if (this.closed.has(i)) return;
      const stack = there.map((each) => [each, 2]).reverse();
      while (stack.length) {
        const [each, level] = stack.pop();
        if (drawn.has(each)) continue;
        drawn.add(each);
        const under = (model.children[each] ?? []).filter((child) => !shown || shown.has(child));
        const open = !this.closed.has(each);
        const around = Boolean(this.found) && !this.found.has(each);
        this._add({ i: each, level, open, children: under.length, around });
        if (open) for (let n = under.length - 1; n >= 0; n--) stack.push([under[n], level + 1]);
      }
    };
    [...model.roots, model.lost].forEach(begin);
    this.list.chosen = this.where.get(chosen) ?? -1;
    this.list.update(nodes.length);
  }

  _add(node) {
    this.where.set(node.i, this.nodes.length);
    this.nodes.push(node);
  }

  _row(node) {
    const { model } = this;
    const indent = 18 * Math.min(node.level - 1, DEEPEST_INDENT);
    const twisty = el("button", { type: "button", class: "twisty", tabindex: -1,
      "aria-hidden": "true" }, node.children ? (node.open ? "▼" : "▶") : "");
    const attributes = { "aria-level": node.level,
      "aria-expanded": node.children ? String(node.open) : null,
      style: `padding-left: ${12 + indent}px` };
    if (node.i < 0) {
      const thread = model.threads[-1 - node.i];
      const name = thread ? thread.name : "parents in a cycle";
      const known = thread && !thread.ended;
      const about = known ? `${thread.id}${thread.on_cpu ? ", on a CPU" : ""}` : "";
      return el("div", attributes, twisty, el("span", { class: "label thread" }, name),
        el("span", { class: "dim" }, about));
    }
    const { i } = node;
    const { query } = this.app;
    const waits = model.waitsText(i);
    const size = model.columns.bytes[i];
    const task = model.text(model.columns.task[i]);
    return el("div", { ...attributes, class: node.around ? "around" : null }, twisty,
      el("span", { class: "label", style: `width: ${Math.max(196 - indent, 110)}px` },
        marked(model.label(i), query)),
      el("span", { class: `state ${model.state(i)}` },
        model.state(i) + (model.columns.changed[i] ? " ~" : "")),
      el("span", { class: "place dim" },
        task && task !== model.label(i) ? `${task}: ` : "",
        waits ? `waits for ${waits}` : marked(model.place(i), query)),
      el("span", { class: "size dim number" }, size ? bytes(size) : ""),
      el("code", { class: "address dim" }, marked(model.address(i), query)));
  }

  _choose(n) {
    const { i } = this.nodes[n];
    if (i >= 0) this.app.chooseGreenlet(i, { from: this });
  }

  _toggle(n) {
    const node = this.nodes[n];
    if (!node?.children) return;
    if (node.open) this.closed.add(node.i);
    else this.closed.delete(node.i);
    this._rebuild();
  }

  _key(event, n) {
    const node = this.nodes[n];
    if (!node) return false;
    if (event.key === "Enter" || event.key === " ") this._toggle(n);
    else if (event.key === "ArrowRight") {
      if (node.children && !node.open) this._toggle(n);
      else if (node.children) this.list.choose(n + 1);
    } else if (event.key === "ArrowLeft") {
      if (node.children && node.open) this._toggle(n);
      else {
        let above = n - 1;
        while (above >= 0 && this.nodes[above].level >= node.level) above--;
        if (above >= 0) this.list.choose(above);
      }
    } else return false;
    return true;
  }

  /** Shows that a greenlet is chosen, and opens what it is in. */
  chosen(i) {
    const { parent, thread } = this.model.columns;
    let changed = false;
    let root = i;
    for (const seen = new Set(); parent[root] >= 0 && !seen.has(root); root = parent[root]) {
      seen.add(root);
      changed = this.closed.delete(parent[root]) || changed;
    }
    changed = this.closed.delete(-1 - thread[root]) || changed;
    if (changed) this._rebuild();
    const n = this.where.get(i) ?? -1;
    if (n >= 0) this.list.choose(n, { quiet: true });
  }
}
