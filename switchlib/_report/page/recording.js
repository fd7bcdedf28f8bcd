"use strict";
// What timeline.py has packed, by the numbers of slices and of tracks.

const PLACE = /^(.*)(:\d+(?: .*)?)$/; // "file.py:12 function"

class Timeline {
  constructor(data) {
    this.texts = data.texts.map(visible);
    this.source = data.source;
    const files = this.texts.map((text) => PLACE.exec(text)?.[1]).filter(Boolean);
    this.short = shortPaths([...new Set(files)]);
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

  /** A place with a short name of its file. */
  placeText(number) {
    if (number < 0) return "";
    const [, file, rest] = PLACE.exec(this.texts[number]) ?? [null, "", this.texts[number]];
    return (this.short.get(file) ?? file) + rest;
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

/** A time since the begin of the timeline, to the nanosecond. */
function moment(ns) {
  const [whole, rest] = [Math.floor(ns / 1e6), Math.round(ns % 1e6)];
  return `${counted(whole)}.${String(rest).padStart(6, "0")} ms`;
}
