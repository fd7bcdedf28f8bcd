"use strict";
// Equal stacks once, the most frequent first.

class StacksView {
  constructor(app) {
    this.app = app;
    this.model = app.model;
    this.title = "Stacks";
    this.list = new VirtualList({
      label: "Stacks, the most frequent first", height: 56, kind: "stacks-list",
      row: (n) => this._row(this.groups[n]),
      choose: (n) => this._choose(this.groups[n]),
    });
    this.element = el("section", {}, this.list.element);
    this.filter(null);
    this.badge = counted(this.groups.length);
  }

  filter(found) {
    const { state, stack, run } = this.model.columns;
    const groups = new Map();
    for (let i = 0; i < this.model.count; i++) {
      if (found && !found.has(i)) continue;
      const empty = this.model.stacks[stack[i]].length === 0;
      const key = `${state[i]} ${stack[i]} ${empty ? run[i] : ""}`;
      const group = groups.get(key);
      if (group) group.push(i);
      else groups.set(key, [i]);
    }
    this.groups = [...groups.values()].sort((a, b) => b.length - a.length);
    this.list.chosen = -1;
    this.list.update(this.groups.length);
  }

  _row(members) {
    const { model } = this;
    const first = members[0];
    const stack = model.stack(first);
    const innermost = stack[stack.length - 1];
    const share = (100 * members.length) / model.count;
    const run = model.run(first);
    return el("div", { "aria-label": `${plural(members.length, "greenlet")}, `
      + `${model.state(first)}, ${model.place(first) || run}` },
      el("div", { class: "line" },
        el("span", { class: "count number" }, counted(members.length)),
        el("span", { class: `state ${model.state(first)}` }, model.state(first)),
        el("span", { class: "what" }, stack.length
          ? marked(model.frameText(innermost), this.app.query)
          : run ? `will run ${run}` : "no Python frames"),
        el("span", { class: "dim" }, stack.length > 1 && run ? `run: ${run}` : ""),
        el("span", { class: "dim number" }, stack.length ? plural(stack.length, "frame") : ""),
        el("span", { class: "share" }, el("i", { style: `width: ${Math.max(share, 1)}%` }))),
      el("code", { class: "source" }, (stack.length && visible(model.source(innermost))) || " "));
  }

  _choose(members) {
    if (members.length === 1) this.app.chooseGreenlet(members[0], { from: this });
    else {
      const place = this.model.place(members[0]) || this.model.run(members[0]);
      this.app.details.group(members, `${plural(members.length, "greenlet")} at ${place}`);
    }
  }
}
