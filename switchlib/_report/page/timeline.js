"use strict";
// What ran when: a row for each thread, and below it one for each of its greenlets.

const TIMELINE_KEYS = [["← → or A D", "earlier and later"], ["+ − or W S", "closer and wider"],
  ["↑ ↓", "choose a row"], ["N P", "the next and the previous stretch of this greenlet"],
  ["F", "fit the chosen stretch"], ["0", "the whole timeline"], ["Ctrl wheel", "closer and wider"]];
const HOW = ["", "started", "switched to", "thrown into"]; // as in timeline.py
const [ROW, RULER, GUTTER, OVERVIEW] = [22, 26, 220, 46];
const HUES = [214, 160, 28, 280, 340, 190, 95, 48, 250, 5];
const SHORTEST_SPAN = 50; // ns

/** What timeline.py has packed. Slices and tracks are numbers. */
class Timeline {
  constructor(data) {
    this.texts = data.texts.map(visible);
    this.source = data.source;
    this.length = Math.max(data.length, 1);
    this.kept = data.kept;
    this.threads = data.threads.map(([name, id]) => ({ name: visible(name), id }));
    this.tracks = data.tracks;
    this.trackCount = data.tracks.name.length;
    this.marks = grouped(data.marks, ([track]) => track);
    this.labels = data.labels;
    this._unpack(data);
    this._byTrack();
    this.about = `${plural(this.trackCount, "greenlet")} in `
      + `${plural(this.threads.length, "thread")}, ${duration(data.length)}, `
      + plural(this.switches, "switch", "switches");
  }

  _unpack({ slices, counts, origins }) {
    const count = (this.count = slices.track.length);
    this.track = Int32Array.from(slices.track);
    this.place = Int32Array.from(slices.place);
    this.how = Uint8Array.from(slices.how);
    this.begin = new Float64Array(count);
    this.end = new Float64Array(count);
    this.origin = new Int32Array(count);
    this.threadRange = [];
    this.switches = 0;
    let i = 0;
    for (const size of counts) {
      this.threadRange.push([i, i + size]);
      let [time, before] = [0, -1];
      for (const last = i + size; i < last; i++) {
        this.begin[i] = time + slices.gap[i];
        time = this.end[i] = this.begin[i] + slices.length[i];
        this.origin[i] = origins[i] ?? before;
        before = this.track[i];
        if (this.how[i]) this.switches++;
      }
    }
  }

  /** The slices of each track, one track after the other; and what each track ran. */
  _byTrack() {
    const { count, track, trackCount } = this;
    const first = (this.firstOf = new Int32Array(trackCount + 1));
    this.ran = new Float64Array(trackCount);
    this.longest = new Int32Array(trackCount).fill(-1);
    for (let i = 0; i < count; i++) first[track[i] + 1]++;
    for (let k = 0; k < trackCount; k++) first[k + 1] += first[k];
    const next = first.slice();
    this.ordered = new Int32Array(count);
    this.placeInTrack = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const k = track[i];
      this.placeInTrack[i] = next[k];
      this.ordered[next[k]++] = i;
      this.ran[k] += this.span(i);
      if (this.longest[k] < 0 || this.span(i) > this.span(this.longest[k])) this.longest[k] = i;
    }
    this.all = Int32Array.from({ length: count }, (_, i) => i);
  }

  span(i) {
    return this.end[i] - this.begin[i];
  }

  slicesOf(k) {
    return this.firstOf[k + 1] - this.firstOf[k];
  }

  name(k) {
    return k < 0 ? "not known" : this.texts[this.tracks.name[k]] ?? "greenlet";
  }

  text(number) {
    return number === undefined || number < 0 ? "" : this.texts[number];
  }

  /** The longest slices among those that `keep` keeps, the longest first. */
  longestSlices(most, keep = () => true) {
    const found = [];
    let least = -1;
    for (let i = 0; i < this.count; i++) {
      if ((found.length === most && this.span(i) <= least) || !keep(i)) continue;
      found.push(i);
      found.sort((a, b) => this.span(b) - this.span(a));
      if (found.length > most) found.pop();
      least = this.span(found[found.length - 1]);
    }
    return found;
  }
}

class TimelineView {
  constructor(app) {
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
    const now = this.slice < 0 ? (step > 0 ? first - 1 : last + 1) : timeline.placeInTrack[this.slice];
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
    this.tip.textContent = [`${this._trackName(timeline.track[slice])}, ${duration(timeline.span(slice))}`,
      label, timeline.text(timeline.place[slice])].filter(Boolean).join("\n");
    const left = Math.min(event.clientX + 14, innerWidth - this.tip.offsetWidth - 8);
    const top = Math.min(event.clientY + 16, innerHeight - this.tip.offsetHeight - 8);
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${top}px`;
  }

  // Drawing

  _resized() {
    const { clientWidth: width, clientHeight: height } = this.scroller;
    if (!width) return;
    for (const [canvas, h] of [[this.canvas, height], [this.overview, OVERVIEW]]) {
      canvas.width = width * devicePixelRatio;
      canvas.height = h * devicePixelRatio;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${h}px`;
    }
    this.space.style.height = `${Math.max(this.rows.length * ROW + RULER + 8 - height, 0)}px`;
    this._density = null;
    this._draw();
  }

  _later() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this._draw();
    });
  }

  _plotWidth() {
    return Math.max(this.scroller.clientWidth - GUTTER, 1);
  }

  _x(time) {
    return GUTTER + ((time - this.from) / (this.to - this.from)) * this._plotWidth();
  }

  _time(x) {
    return this.from + ((x - GUTTER) / this._plotWidth()) * (this.to - this.from);
  }

  _palette() {
    if (this.colours) return this.colours;
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(name).trim();
    const dark = document.documentElement.dataset.theme === "dark";
    this.colours = { ink: get("--ink"), dim: get("--dim"), line: get("--line"),
      paper: get("--paper"), raised: get("--raised"), chosen: get("--chosen"),
      accent: get("--accent"), bad: get("--bad"), onSlice: dark ? "#101214" : "#ffffff",
      hue: (hue) => (dark ? `hsl(${hue} 52% 66%)` : `hsl(${hue} 46% 44%)`) };
    return this.colours;
  }

  /** Greenlets with the same name have the same colour. */
  _colour(k) {
    const name = this.timeline.tracks.name[k];
    const hues = (this._hues ??= new Map());
    if (!hues.has(name)) hues.set(name, HUES[hues.size % HUES.length]);
    return this._palette().hue(hues.get(name));
  }

  _trackName(k) {
    return `${this.timeline.name(k)} #${this.timeline.tracks.number[k]}`;
  }

  /** The slices of a row: a list, and the first and the last place in it. */
  _slicesOf(row) {
    const { timeline } = this;
    if (row < 0) return [timeline.all, ...timeline.threadRange[-1 - row]];
    return [timeline.ordered, timeline.firstOf[row], timeline.firstOf[row + 1]];
  }

  /** The first place in a list of slices at which one ends after a time. */
  _firstEnding(list, first, last, time) {
    const { end } = this.timeline;
    while (first < last) {
      const middle = (first + last) >> 1;
      if (end[list[middle]] > time) last = middle;
      else first = middle + 1;
    }
    return first;
  }

  _draw() {
    const { canvas, scroller } = this;
    const [width, height] = [scroller.clientWidth, scroller.clientHeight];
    if (!width) return;
    const context = canvas.getContext("2d");
    const colours = this._palette();
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, width, height);
    context.font = "12px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif";
    context.textBaseline = "middle";
    const first = Math.max(Math.floor((scroller.scrollTop - ROW) / ROW), 0);
    const last = Math.min(first + Math.ceil(height / ROW) + 2, this.rows.length);
    const top = (n) => RULER + n * ROW - scroller.scrollTop;
    this._drawGrid(context, height);
    for (let n = first; n < last; n++) this._drawRow(context, this.rows[n], top(n), width);
    this._drawFlow(context, top, height);
    this._drawRuler(context, width, height);
    this._drawOverview(width);
  }

  _drawRow(context, row, top, width) {
    const colours = this._palette();
    const { timeline } = this;
    const middle = top + ROW / 2;
    if (row < 0 || row === this.track) {
      context.fillStyle = row < 0 ? colours.raised : colours.chosen;
      context.fillRect(0, top, width, ROW);
    }
    context.save();
    context.beginPath();
    context.rect(GUTTER, top, width - GUTTER, ROW);
    context.clip();
    if (row >= 0) {
      const [left, right] = [this._x(timeline.tracks.begin[row]), this._x(timeline.tracks.end[row])];
      context.fillStyle = colours.line;
      context.fillRect(left, middle - 1, Math.max(right - left, 1), 2);
    }
    this._drawSlices(context, row, top);
    if (row >= 0) this._drawMarks(context, row, top);
    context.restore();
    context.save();
    context.beginPath();
    context.rect(0, top, GUTTER - 8, ROW);
    context.clip();
    if (row < 0) {
      const thread = timeline.threads[-1 - row];
      context.font = `600 ${context.font}`;
      context.fillStyle = colours.ink;
      context.fillText(thread.name, 32, middle);
      const room = context.measureText(thread.name).width;
      context.fillStyle = colours.dim;
      context.font = context.font.replace("600 ", "");
      if (thread.id) context.fillText(String(thread.id), 40 + room, middle);
      drawTwisty(context, 20, middle, this.closed.has(-1 - row));
    } else {
      const name = timeline.name(row);
      context.fillStyle = colours.ink;
      context.fillText(name, 44, middle);
      const room = context.measureText(name).width;
      context.fillStyle = colours.dim;
      context.fillText(`#${timeline.tracks.number[row]}`, 50 + room, middle);
    }
    context.restore();
  }

  _drawSlices(context, row, top) {
    const { timeline, from, to } = this;
    const [list, first, last] = this._slicesOf(row);
    const pixel = (to - from) / this._plotWidth();
    const colours = this._palette();
    for (let n = this._firstEnding(list, first, last, from); n < last;) {
      const i = list[n];
      const begin = timeline.begin[i];
      if (begin > to) break;
      const left = Math.max(this._x(begin), GUTTER - 2);
      const right = Math.min(this._x(timeline.end[i]), GUTTER + this._plotWidth() + 2);
      const size = Math.max(right - left, 1);
      context.fillStyle = this._colour(timeline.track[i]);
      context.fillRect(left, top + 3, size > 3 ? size - 0.5 : size, ROW - 6);
      if (i === this.slice) {
        context.strokeStyle = colours.ink;
        context.lineWidth = 2;
        context.strokeRect(left, top + 3, size, ROW - 6);
      }
      if (size > 36) this._drawName(context, i, left, size, top);
      // Of slices that are narrower than a pixel, one stands for all in that pixel.
      n = right - left < 1 ? Math.max(this._firstEnding(list, n, last, begin + pixel), n + 1) : n + 1;
    }
  }

  _drawName(context, i, left, size, top) {
    const { timeline } = this;
    const text = timeline.text(timeline.labels[i]) || timeline.name(timeline.track[i]);
    context.save();
    context.beginPath();
    context.rect(left, top, size - 4, ROW);
    context.clip();
    context.fillStyle = this._palette().onSlice;
    context.font = context.font.replace("12px", "11px");
    context.fillText(text, left + 6, top + ROW / 2 + 0.5);
    context.restore();
  }

  _drawMarks(context, row, top) {
    context.fillStyle = this._palette().bad;
    for (const [, time] of this.timeline.marks.get(row) ?? []) {
      const x = this._x(time);
      context.beginPath();
      context.moveTo(x - 4, top + 1);
      context.lineTo(x + 4, top + 1);
      context.lineTo(x, top + 8);
      context.fill();
    }
  }

  /** Lines from the origin of the chosen slice to it, and from it to its successor. */
  _drawFlow(context, top, height) {
    const { timeline, slice } = this;
    if (slice < 0) return;
    const next = slice + 1;
    const links = [[timeline.origin[slice], timeline.track[slice], timeline.begin[slice]]];
    if (next < timeline.count && timeline.origin[next] === timeline.track[slice]
      && timeline.begin[next] >= timeline.end[slice]) {
      links.push([timeline.track[slice], timeline.track[next], timeline.begin[next]]);
    }
    context.save();
    context.beginPath();
    context.rect(GUTTER, RULER, this._plotWidth(), height);
    context.clip();
    context.strokeStyle = context.fillStyle = this._palette().ink;
    context.lineWidth = 1.25;
    for (const [origin, target, time] of links) {
      const [a, b] = [this.rowOf.get(origin), this.rowOf.get(target)];
      if (a === undefined || b === undefined || a === b) continue;
      const x = Math.round(this._x(time)) + 0.5;
      const down = b > a;
      const [y1, y2] = [top(a) + ROW / 2, top(b) + (down ? 3 : ROW - 3)];
      context.beginPath();
      context.moveTo(x, y1);
      context.lineTo(x, y2);
      context.stroke();
      context.beginPath();
      context.moveTo(x, y2);
      context.lineTo(x - 4, y2 + (down ? -7 : 7));
      context.lineTo(x + 4, y2 + (down ? -7 : 7));
      context.fill();
    }
    context.restore();
  }

  _drawRuler(context, width, height) {
    const colours = this._palette();
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, width, RULER);
    context.fillStyle = colours.line;
    context.fillRect(0, RULER - 1, width, 1);
    context.fillRect(GUTTER - 1, 0, 1, height);
    context.fillStyle = colours.dim;
    context.fillText(duration(this.to - this.from), 20, RULER / 2);
    this._eachTick((x, text) => {
      context.fillStyle = colours.line;
      context.fillRect(x, RULER - 7, 1, 6);
      context.fillStyle = colours.dim;
      context.fillText(text, x + 4, RULER / 2);
    });
  }

  _drawGrid(context, height) {
    context.globalAlpha = 0.6;
    context.fillStyle = this._palette().line;
    this._eachTick((x) => context.fillRect(x, RULER, 1, height));
    context.globalAlpha = 1;
  }

  _eachTick(draw) {
    const least = ((this.to - this.from) / this._plotWidth()) * 110;
    const power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least);
    for (let time = Math.ceil(this.from / step) * step; time <= this.to; time += step) {
      draw(this._x(time), tick(time, step));
    }
  }

  /** How many switches there are in each stretch, and what part is shown. */
  _drawOverview(width) {
    const { timeline } = this;
    const context = this.overview.getContext("2d");
    const colours = this._palette();
    const plot = Math.max(width - GUTTER, 1);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, width, OVERVIEW);
    if (!this._density) {
      this._density = new Uint32Array(Math.ceil(plot / 2) + 1);
      for (let i = 0; i < timeline.count; i++) {
        this._density[Math.floor(((timeline.begin[i] / timeline.length) * plot) / 2)]++;
      }
      this._densest = this._density.reduce((a, b) => Math.max(a, b), 1);
    }
    context.fillStyle = colours.dim;
    context.font = "12px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif";
    context.textBaseline = "middle";
    context.fillText("switches, whole time", 20, OVERVIEW / 2);
    const x = (time) => GUTTER + (time / timeline.length) * plot;
    const [left, right] = [x(this.from), Math.max(x(this.to), x(this.from) + 2)];
    context.fillStyle = colours.chosen;
    context.fillRect(left, 0, right - left, OVERVIEW);
    context.fillStyle = colours.accent;
    this._density.forEach((count, n) => {
      const size = count ? Math.max((count / this._densest) * (OVERVIEW - 8), 1.5) : 0;
      context.fillRect(GUTTER + 2 * n, OVERVIEW - size, 1.5, size);
    });
    if (timeline.kept > 0) {
      context.fillStyle = colours.line;
      context.fillRect(GUTTER, 0, x(timeline.kept) - GUTTER, OVERVIEW);
    }
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
    return [timeline.texts[number], source ? el("code", { style: "display: block" }, visible(source)) : ""];
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
    this.spoken.textContent = `${this._trackName(k)}: ran ${duration(timeline.ran[k])} in ${counted(count)} parts`;
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

/** A triangle that points down, or to the right if what is below is not shown. */
function drawTwisty(context, x, y, closed) {
  context.beginPath();
  const corners = closed ? [[-2, -4], [4, 0], [-2, 4]] : [[-4, -2], [4, -2], [0, 4]];
  for (const [dx, dy] of corners) context.lineTo(x + dx + 4, y + dy);
  context.fill();
}

/** A time since the begin of the timeline, to the nanosecond. */
function moment(ns) {
  const [whole, rest] = [Math.floor(ns / 1e6), Math.round(ns % 1e6)];
  return `${counted(whole)}.${String(rest).padStart(6, "0")} ms`;
}

/** A time on the ruler, with as many digits as the step needs. */
function tick(time, step) {
  const [unit, size] = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]]
    .find(([, ns]) => step >= ns / 10) ?? ["ns", 1];
  const digits = step >= size ? 0 : 1;
  return `${(time / size).toLocaleString("en-US",
    { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}
