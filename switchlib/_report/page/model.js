"use strict";
// What greenlets.py has packed, by the numbers of greenlets.

class Model {
  constructor(data) {
    this.texts = data.texts.map(visible);
    this.frames = data.frames;
    this.stacks = data.stacks;
    this.sources = data.source;
    this.threads = data.threads.map((each) => ({ ...each, name: visible(each.name) }));
    this.columns = data.greenlets;
    this.waits = data.waits;
    this.deadlocks = data.deadlocks;
    this.count = this.columns.id.length;
    this.labels = [];
    this.stackTexts = [];
    const files = new Set(data.frames.map(([file]) => this.text(file)));
    this.short = shortPaths([...files]);
    this._findChildren();
  }

  _findChildren() {
    const { parent } = this.columns;
    this.children = Array.from({ length: this.count }, () => null);
    this.roots = this.threads.map(() => []);
    for (let i = 0; i < this.count; i++) {
      if (parent[i] < 0) this.roots[this.columns.thread[i]].push(i);
      else (this.children[parent[i]] ??= []).push(i);
    }
    this._findLost();
  }

  /** Those that no root leads to: their parents are damaged, and form a cycle. */
  _findLost() {
    const found = new Uint8Array(this.count);
    const stack = this.roots.flat();
    while (stack.length) {
      const i = stack.pop();
      found[i] = 1;
      for (const child of this.children[i] ?? []) stack.push(child);
    }
    this.lost = [];
    for (let i = 0; i < this.count; i++) if (!found[i]) this.lost.push(i);
  }

  text(number) {
    return number < 0 ? "" : this.texts[number];
  }

  state(i) {
    return this.text(this.columns.state[i]);
  }

  address(i) {
    return "0x" + this.columns.id[i].toString(16);
  }

  thread(i) {
    return this.threads[this.columns.thread[i]];
  }

  /** The name of what it runs; "" if that is not known. */
  run(i) {
    const frame = this.columns.run[i];
    return frame < 0 ? "" : this.text(this.frames[frame][2]);
  }

  /** What it is called: by its name, by what it runs, or by its class. As in greenlets.py. */
  label(i) {
    const { name, main, class: type } = this.columns;
    return (this.labels[i] ??= this.text(name[i]) || (main[i] ? "main" : "") || this.run(i)
      || this.text(type[i]) || "greenlet");
  }

  stack(i) {
    return this.stacks[this.columns.stack[i]];
  }

  frame(number) {
    const [file, line, name] = this.frames[number];
    const path = this.text(file);
    return { file: path, short: `${this.short.get(path)}:${line < 0 ? "?" : line}`, line,
      name: this.text(name), lines: this.sources[file] ?? {} };
  }

  source(number) {
    const frame = this.frame(number);
    return (frame.lines[frame.line] ?? "").trim();
  }

  frameText(number) {
    const { short, name } = this.frame(number);
    return `${short} ${name}`;
  }

  /** Where it stands. */
  place(i) {
    const stack = this.stack(i);
    return stack.length ? this.frameText(stack[stack.length - 1]) : "";
  }

  waitsText(i) {
    return (this.waits[i] ?? [])
      .map(([text, joint, holder, certain]) => this.text(text)
        + (holder < 0 ? "" : this.text(joint) + this.label(holder)) + (certain ? "" : " (perhaps)"))
      .join(" or ");
  }

  /** Whether a search in lower case finds it. */
  matches(i, query) {
    return this._words(i).includes(query) || this._stackText(this.columns.stack[i]).includes(query);
  }

  _words(i) {
    return [this.label(i), this.state(i), this.address(i), this.thread(i).name, this.run(i),
      this.text(this.columns.task[i]), this.waitsText(i)].join("\n").toLowerCase();
  }

  _stackText(number) {
    return (this.stackTexts[number] ??= this._joined(this.stacks[number]));
  }

  _joined(stack) {
    const words = new Set();
    for (const frame of stack) {
      const { file, name } = this.frame(frame);
      words.add(file).add(name).add(this.source(frame));
    }
    return [...words].join("\n").toLowerCase();
  }
}
