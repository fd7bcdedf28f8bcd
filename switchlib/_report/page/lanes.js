"use strict";
// The drawing of a timeline: a row for each thread, and below it one for each of its greenlets.

const [ROW, RULER, GUTTER, OVERVIEW] = [22, 26, 220, 46];
const HUES = [214, 160, 28, 280, 340, 190, 95, 48, 250, 5];

/** What TimelineView draws. It has the timeline, `from` and `to`, the rows, and what is chosen. */
class TimelineDrawing {
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
      const { begin, end } = timeline.tracks;
      const [left, right] = [this._x(begin[row]), this._x(end[row])];
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
      n++;
      if (right - left < 1) n = this._firstEnding(list, n, last, begin + pixel);
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
}

/** A triangle that points down, or to the right if what is below is not shown. */
function drawTwisty(context, x, y, closed) {
  context.beginPath();
  const corners = closed ? [[-2, -4], [4, 0], [-2, 4]] : [[-4, -2], [4, -2], [0, 4]];
  for (const [dx, dy] of corners) context.lineTo(x + dx + 4, y + dy);
  context.fill();
}

/** A time on the ruler, with as many digits as the step needs. */
function tick(time, step) {
  const [unit, size] = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]]
    .find(([, ns]) => step >= ns / 10) ?? ["ns", 1];
  const digits = step >= size ? 0 : 1;
  return `${(time / size).toLocaleString("en-US",
    { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}
