"use strict";
// Elements, and numbers as text. Texts of the program never become HTML.

const SVG = "http://www.w3.org/2000/svg";

/** A new element. What begins with "on" is a listener; others are attributes. */
function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== "") element.append(child);
  return element;
}

/** The text, with escapes for characters that would not be seen or would reorder the others. */
function visible(text) {
  return text.replace(INVISIBLE, (character) => {
    const code = character.codePointAt(0);
    return code < 256 ? "\\x" + code.toString(16).padStart(2, "0")
      : "\\u" + code.toString(16).padStart(4, "0");
  });
}

// With the flag u, a surrogate is only found where it is not one half of a character.
const INVISIBLE = new RegExp("[\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e"
  + "\\u2066-\\u2069\\ud800-\\udfff]", "gu");

const clipped = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

/** The text, with what was searched for marked. */
function marked(text, query) {
  const at = query ? text.toLowerCase().indexOf(query) : -1;
  if (at < 0) return [text];
  const end = at + query.length;
  return [text.slice(0, at), el("mark", {}, text.slice(at, end)), text.slice(end)];
}

const counted = (number) => number.toLocaleString("en-US");

const plural = (number, one, many = `${one}s`) => `${counted(number)} ${number === 1 ? one : many}`;

function bytes(size) {
  if (size < 10_000) return `${counted(size)} B`;
  if (size < 10_000 * 1024) return `${counted(Math.round(size / 1024))} KiB`;
  return `${counted(Math.round(size / 1024 / 1024))} MiB`;
}

/** A time in nanoseconds as text. */
function duration(ns) {
  if (ns < 1000) return `${Math.round(ns)} ns`;
  for (const [unit, size] of [["µs", 1e3], ["ms", 1e6], ["s", 1e9]]) {
    if (ns < size * 1000 || unit === "s") {
      const number = ns / size;
      return `${number >= 1000 ? counted(Math.round(number)) : number.toPrecision(3)} ${unit}`;
    }
  }
}

/** Short names of paths: as many of their parts, from the end, as make them unambiguous. */
function shortPaths(paths) {
  const found = new Map();
  for (const same of grouped(paths, (path) => path.split("/").pop()).values()) {
    let count = 1;
    const name = (path) => path.split("/").slice(-count).join("/");
    while (new Set(same.map(name)).size < same.length) count++;
    for (const path of same) found.set(path, name(path));
  }
  return found;
}

/** What is equal in `key`, by that. */
function grouped(values, key) {
  const groups = new Map();
  for (const value of values) {
    const name = key(value);
    const group = groups.get(name);
    if (group) group.push(value);
    else groups.set(name, [value]);
  }
  return groups;
}
