"use strict";
// The panel on the right: a greenlet, or greenlets with the same stack.

const MOST_FRAMES = 100; // of a stack, from either end
const MOST_MEMBERS = 100;

class Details {
  constructor(app) {
    this.app = app;
    this.model = app.model;
    this.element = document.getElementById("details");
    this.element.classList.add("details");
  }

  show(...children) {
    this.element.replaceChildren(...children.flat().filter((each) => each !== null));
    this.element.scrollTop = 0;
  }

  greenlet(i) {
    const { model } = this;
    const { columns } = model;
    const frame = columns.run[i] < 0 ? null : model.frame(columns.run[i]);
    const thread = model.thread(i);
    const children = model.children[i] ?? [];
    const onStack = columns.bytes[i] - columns.saved[i];
    this.show(
      el("h2", {}, model.label(i)),
      el("p", { class: "under" },
        el("span", { class: `state ${model.state(i)}` }, model.state(i)),
        el("code", {}, model.address(i)),
        columns.changed[i] ? "changed while it was read" : ""),
      facts([
        ["task", model.text(columns.task[i])],
        ["waits for", this._waits(i)],
        ["runs", frame && frame.name + (frame.file ? `, ${frame.short}` : "")],
        ["class", model.text(columns.class[i])],
        ["thread", thread.ended ? thread.name : `${thread.name} (${thread.id})`],
        ["parent", columns.parent[i] < 0 ? "" : this.link(columns.parent[i])],
        ["children", children.length ? counted(children.length) : ""],
        ["C stack", columns.bytes[i] ? `${bytes(columns.bytes[i])}: ${bytes(onStack)} in place, `
          + `${bytes(columns.saved[i])} in the heap` : ""],
      ]),
      this._frames(model.stack(i)),
    );
  }

  _waits(i) {
    return (this.model.waits[i] ?? []).map(([text, joint, holder, certain], n) => el("div", {},
      n ? "or " : "", this.model.text(text), holder < 0 ? "" : this.model.text(joint),
      holder < 0 ? "" : this.link(holder), certain ? "" : " (perhaps)"));
  }

  group(members, title) {
    const { model } = this;
    const shown = members.slice(0, MOST_MEMBERS);
    this.show(
      el("h2", {}, title),
      el("p", { class: "under" }, el("span", { class: `state ${model.state(members[0])}` },
        model.state(members[0]))),
      el("button", { type: "button", onclick: () => this.app.showInTree(members, title) },
        "Show in the tree"),
      this._frames(model.stack(members[0])),
      el("h3", {}, members.length > shown.length
        ? `The first ${shown.length} of ${counted(members.length)}` : "Greenlets"),
      el("ul", { class: "plain" }, shown.map((i) => el("li", {}, this.link(i), " ",
        el("code", { class: "dim" }, model.address(i))))),
    );
  }

  link(i) {
    const open = () => this.app.chooseGreenlet(i);
    return el("button", { type: "button", class: "link", onclick: open }, this.model.label(i));
  }

  _frames(stack) {
    if (!stack.length) return [];
    const all = stack.map((frame, i) => [frame, i]);
    const cut = stack.length > 2 * MOST_FRAMES;
    const first = cut ? all.slice(0, MOST_FRAMES) : all;
    const last = cut ? all.slice(-MOST_FRAMES) : [];
    const left = `${counted(stack.length - 2 * MOST_FRAMES)} frames between`;
    const between = cut ? el("p", { class: "hint" }, left) : "";
    const innermost = stack.length - 1;
    const element = ([frame, i]) => this._frame(frame, i === innermost);
    return [
      el("h3", {}, `${plural(stack.length, "frame")}, the innermost last`),
      el("div", {}, first.map(element), between, last.map(element)),
    ];
  }

  _frame(number, open) {
    const { file, short, line, name, lines } = this.model.frame(number);
    const numbers = Object.keys(lines).map(Number).filter((n) => Math.abs(n - line) <= 3);
    numbers.sort((a, b) => a - b);
    const where = el("span", { class: "where" }, el("span", { class: "function" }, name),
      el("span", { class: "file", title: file }, short));
    if (!numbers.length) return el("div", { class: "frame" }, el("summary", {}, where));
    return el("details", { class: "frame", open },
      el("summary", {}, where, el("code", { class: "line" }, visible((lines[line] ?? "").trim()))),
      el("pre", {}, numbers.map((n) => el("span", { class: n === line ? "here" : null },
        el("i", {}, String(n)), visible(lines[n]) || " "))));
  }
}

/** A list of names and what they are; pairs without a value are left out. */
function facts(pairs) {
  return el("dl", {}, pairs.filter(([, value]) => value && (!Array.isArray(value) || value.length))
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}
