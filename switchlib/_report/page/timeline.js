"use strict";
// The timeline: what is shown, keys and pointers, and the details of what is chosen.

const TIMELINE_KEYS = [
  ["← → or A D", "earlier and later"], ["+ − or W S", "closer and wider"], ["↑ ↓", "choose a row"],
  ["N P", "the next and the previous stretch of this greenlet"],
  ["F", "fit the chosen stretch"], ["0", "the whole timeline"], ["Ctrl wheel", "closer and wider"]];
const HOW = ["", "started", "switched to", "thrown into"]; // as in timeline.py
const SHORTEST_SPAN = 50; // ns

class TimelineView extends TimelineDrawing {
  constructor(app) {
    super();
    this.app = app;
    this.timeline = app.timeline;
    this.title = "Timeline";
    [this.from, this.to] = [0, this.timeline.length];
    [this.track, this.slice] = [-1, -1]; // those that are chosen
    this.closed = new Set(); // threads
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.space = el("div", { "aria-hidden": "true" });
    this.scroller = el("div", {
      class: "timeline", tabindex: 0, role: "application",
      "aria-label": "Timeline. Arrow keys choose greenlets and move in time, plus and minus zoom, "
        + "N and P go from one stretch of running to the next. A question mark lists all keys.",
      onscroll: () => this._later(), onkeydown: (event) => this._key(event),
    }, this.canvas, this.space);
    this.overview = el("canvas", { class: "overview", "aria-hidden": "true",
      title: "Switches over the whole time: drag to move" });
    this.spoken = el("output", { class: "bars", "aria-live": "polite" }, " ");
    this.element = el("section", {}, this.overview, this.scroller, this.spoken);
    this.tip = el("div", { class: "tip", role: "presentation", hidden: true });
    document.body.append(this.tip);
    this._pointers();
    this.search("");
    new ResizeObserver(() => this._resized()).observe(this.scroller);
    this._longest();
  }

  // What is shown

  /** Shows the tracks whose name or place has this; returns their number. */
  search(query) {
    const { timeline } = this;
    const { number, name, thread, at } = timeline.tracks;
    const found = timeline.texts.map((text) => text.toLowerCase().includes(query));
    const matches = (k) => !query || found[name[k]] || found[at[k]] || `#${number[k]}` === query;
    this.below = timeline.threads.map(() => []);
    let count = 0;
    for (let k = 0; k < timeline.trackCount; k++) {
      if (matches(k)) {
        this.below[thread[k]].push(k);
        count++;
      }
    }
    this._arrange();
    return count;
  }

  _arrange() {
    this.rows = []; // a thread t is -1 - t
    this.below.forEach((tracks, t) => {
      if (tracks.length) this.rows.push(-1 - t);
      if (!this.closed.has(t)) for (const k of tracks) this.rows.push(k);
    });
    this.rowOf = new Map(this.rows.map((row, n) => [row, n]));
    this.space.style.height = "0";
    this._resized();
  }

  _toggle(t) {
    if (!this.closed.delete(t)) this.closed.add(t);
    this._arrange();
  }

  chooseFirst() {
    const first = this.rows.find((row) => row >= 0);
    if (first !== undefined) this.chooseTrack(first);
  }

  chooseTrack(k) {
    this.track = k;
    this.slice = -1;
    this._reveal(k);
    this._trackDetails(k);
    this._later();
  }

  chooseSlice(i, { fit = false } = {}) {
    const { timeline } = this;
    this.slice = i;
    this.track = timeline.track[i];
    this._reveal(this.track);
    if (fit) this._fit();
    else if (timeline.end[i] < this.from || timeline.begin[i] > this.to) {
      this._show((timeline.begin[i] + timeline.end[i]) / 2, this.to - this.from);
    }
    this._sliceDetails(i);
    this._later();
  }

  opened() {
    this._resized();
  }

  recolour() {
    this.colours = null;
    this._later();
  }

  _fit() {
    const { timeline, slice } = this;
    if (slice < 0) return;
    this._show((timeline.begin[slice] + timeline.end[slice]) / 2, 1.6 * timeline.span(slice));
  }

  /** Shows so many nanoseconds around a time. */
  _show(middle, span) {
    const { length } = this.timeline;
    const size = Math.min(Math.max(span, Math.min(SHORTEST_SPAN, length)), length);
    this.from = Math.min(Math.max(middle - size / 2, 0), length - size);
    this.to = this.from + size;
    this._later();
  }

  _zoom(factor, at = (this.from + this.to) / 2) {
    const span = Math.min((this.to - this.from) * factor, this.timeline.length);
    const part = (at - this.from) / (this.to - this.from);
    this._show(at + span * (0.5 - part), span);
  }

  _pan(part) {
    const span = this.to - this.from;
    this._show((this.from + this.to) / 2 + part * span, span);
  }

  _reveal(k) {
    if (this.closed.delete(this.timeline.tracks.thread[k])) this._arrange();
    const n = this.rowOf.get(k);
    if (n === undefined) return;
    const top = n * ROW;
    const room = this.scroller.clientHeight - RULER - ROW;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top > this.scroller.scrollTop + room) this.scroller.scrollTop = top - room;
  }

  // Keys and pointers

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      ArrowLeft: () => this._pan(-0.1), a: () => this._pan(-0.1),
      ArrowRight: () => this._pan(0.1), d: () => this._pan(0.1),
      "+": () => this._zoom(1 / 1.5), "=": () => this._zoom(1 / 1.5), w: () => this._zoom(1 / 1.5),
      "-": () => this._zoom(1.5), s: () => this._zoom(1.5),
      ArrowDown: () => this._step(1), ArrowUp: () => this._step(-1),
      PageDown: () => this._step(20), PageUp: () => this._step(-20),
      n: () => this._neighbour(1), p: () => this._neighbour(-1),
      f: () => this._fit(), 0: () => this._show(0, Infinity),
      Home: () => this._show(0, this.to - this.from),
      End: () => this._show(this.timeline.length, this.to - this.from),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  _step(step) {
    let n = (this.rowOf.get(this.track) ?? -1) + step;
    n = Math.min(Math.max(n, 0), this.rows.length - 1);
    while (this.rows[n] < 0 && n > 0 && n < this.rows.length - 1) n += Math.sign(step);
    if (this.rows[n] < 0) n = this.rows.findIndex((row) => row >= 0);
    if (n >= 0) this.chooseTrack(this.rows[n]);
  }

  _neighbour(step) {
    const { timeline, track } = this;
    if (track < 0) return;
    const [first, last] = [timeline.firstOf[track], timeline.firstOf[track + 1] - 1];
    if (last < first) return;
    const outside = step > 0 ? first - 1 : last + 1;
    const now = this.slice < 0 ? outside : timeline.placeInTrack[this.slice];
    this.chooseSlice(timeline.ordered[Math.min(Math.max(now + step, first), last)]);
  }

  _pointers() {
    const { canvas } = this;
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => {
      drag = { x: event.clientX, from: this.from, to: this.to, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag) return this._hover(event);
      const moved = event.clientX - drag.x;
      drag.moved ||= Math.abs(moved) > 3;
      if (drag.moved) {
        const span = drag.to - drag.from;
        this._show((drag.from + drag.to) / 2 - (moved / this._plotWidth()) * span, span);
      }
      return undefined;
    });
    canvas.addEventListener("pointerup", (event) => {
      if (drag && !drag.moved) this._clicked(event);
      drag = null;
    });
    canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) {
        this._zoom(Math.exp(event.deltaY / 300), this._time(event.offsetX));
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this._pan((event.deltaX || event.deltaY) / this._plotWidth());
      } else return;
      event.preventDefault();
    }, { passive: false });
    const jump = (event) => {
      if (!event.buttons) return;
      const part = (event.offsetX - GUTTER) / (this.overview.clientWidth - GUTTER);
      this._show(part * this.timeline.length, this.to - this.from);
    };
    this.overview.addEventListener("pointerdown", jump);
    this.overview.addEventListener("pointermove", jump);
  }

  /** The row and the slice below a pointer; -1 for no slice. */
  _below(event) {
    const row = this.rows[Math.floor((event.offsetY - RULER + this.scroller.scrollTop) / ROW)];
    if (row === undefined || event.offsetY < RULER) return [undefined, -1];
    if (event.offsetX < GUTTER) return [row, -1];
    const [list, first, last] = this._slicesOf(row);
    // A slice that is narrower than a few pixels can be hit, too.
    const near = (3 * (this.to - this.from)) / this._plotWidth();
    const time = this._time(event.offsetX);
    const n = this._firstEnding(list, first, last, time - near);
    if (n < last && this.timeline.begin[list[n]] <= time + near) return [row, list[n]];
    return [row, -1];
  }

  _clicked(event) {
    const [row, slice] = this._below(event);
    if (slice >= 0) this.chooseSlice(slice);
    else if (row >= 0) this.chooseTrack(row);
    else if (row < 0) this._toggle(-1 - row);
  }

  _hover(event) {
    const [row, slice] = this._below(event);
    this.tip.hidden = slice < 0;
    if (slice < 0 || row === undefined) return;
    const { timeline } = this;
    const label = timeline.text(timeline.labels[slice]);
    const name = this._trackName(timeline.track[slice]);
    this.tip.textContent = [`${name}, ${duration(timeline.span(slice))}`, label,
      timeline.placeText(timeline.place[slice])].filter(Boolean).join("\n");
    const left = Math.min(event.clientX + 14, innerWidth - this.tip.offsetWidth - 8);
    const top = Math.min(event.clientY + 16, innerHeight - this.tip.offsetHeight - 8);
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${top}px`;
  }

  // Details

  _link(i) {
    const { timeline } = this;
    return el("li", {}, el("button", { type: "button", class: "link number",
      onclick: () => this.app.showSlice(i) }, duration(timeline.span(i))),
      el("span", {}, this._trackName(timeline.track[i])),
      el("span", { class: "dim number" }, moment(timeline.begin[i])));
  }

  _longest(title = "The longest stretches without a switch, and when they began", keep) {
    const found = this.timeline.longestSlices(20, keep);
    this.app.details.show(el("h2", {}, title),
      el("ul", { class: "plain spans" }, found.map((i) => this._link(i))));
  }

  _trackLink(k) {
    if (k < 0) return "";
    return el("button", { type: "button", class: "link", onclick: () => this.app.showTrack(k) },
      this._trackName(k));
  }

  _place(number) {
    if (number < 0) return "";
    const { timeline } = this;
    const source = timeline.source[number];
    const place = el("span", { title: timeline.texts[number] }, timeline.placeText(number));
    return source ? [place, el("code", { style: "display: block" }, visible(source))] : [place];
  }

  _trackDetails(k) {
    const { timeline } = this;
    const { tracks } = timeline;
    const thread = timeline.threads[tracks.thread[k]];
    const count = timeline.slicesOf(k);
    const longest = this._longestOf(k);
    this.app.details.show(
      el("h2", {}, this._trackName(k)),
      facts([
        ["thread", thread.name],
        ["made by", this._trackLink(tracks.by[k])],
        ["made at", this._place(tracks.at[k])],
        ["from", moment(tracks.begin[k])],
        ["to", moment(tracks.end[k]) + (tracks.ended[k] ? "" : ", and did not end")],
        ["ran", `${duration(timeline.ran[k])} in ${plural(count, "stretch", "stretches")}`],
      ]),
      longest.length ? el("h3", {}, "The longest stretches") : "",
      el("ul", { class: "plain spans" }, longest.map((i) => this._link(i))),
      this._marksOf(k),
    );
    const stretches = plural(count, "stretch", "stretches");
    this.spoken.textContent
      = `${this._trackName(k)} ran for ${duration(timeline.ran[k])} in ${stretches}`;
  }

  _longestOf(k) {
    const { timeline } = this;
    const own = Array.from(timeline.ordered.subarray(timeline.firstOf[k], timeline.firstOf[k + 1]));
    return own.sort((a, b) => timeline.span(b) - timeline.span(a)).slice(0, 10);
  }

  _marksOf(k) {
    const marks = this.timeline.marks.get(k);
    if (!marks) return [];
    return [el("h3", {}, "Marks"), el("ul", { class: "plain" }, marks.slice(0, 50).map(
      ([, time, text]) => el("li", {}, `${this.timeline.text(text)} `,
        el("span", { class: "dim" }, `at ${moment(time)}`))))];
  }

  _sliceDetails(i) {
    const { timeline } = this;
    const k = timeline.track[i];
    const how = HOW[timeline.how[i]];
    this.app.details.show(
      el("h2", {}, `${this._trackName(k)} ran for ${duration(timeline.span(i))}`),
      facts([
        ["greenlet", this._trackLink(k)],
        ["from", moment(timeline.begin[i])],
        ["to", moment(timeline.end[i])],
        [how ? `${how} by` : "", how && this._trackLink(timeline.origin[i])],
        ["value", timeline.text(timeline.labels[i])],
        ["resumed at", this._place(timeline.place[i])],
      ]),
      el("button", { type: "button", onclick: () => this._neighbour(-1) }, "← Previous"),
      el("button", { type: "button", onclick: () => this._neighbour(1) }, "Next →"),
      el("button", { type: "button", onclick: () => this._fit() }, "Fit"),
    );
    this.spoken.textContent = `${this._trackName(k)} ran for ${duration(timeline.span(i))}, `
      + `from ${moment(timeline.begin[i])} on`;
  }
}
