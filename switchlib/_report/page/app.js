"use strict";
// Brings the views together: tabs, search, the theme and keys.

class App {
  constructor() {
    const data = JSON.parse(document.getElementById("data").textContent);
    this.query = "";
    this.only = null; // {members, text}: those that the chip shows
    this.search = document.getElementById("search");
    this.views = [];
    if (data.greenlets) this._showGreenlets(data);
    if (data.timeline) this._showTimeline(data.timeline);
    this._makeTabs();
    this._listen();
    this._theme();
    this._keys();
    this._notes();
    this._filter();
    this.open(this.views[0]);
  }

  _showGreenlets(data) {
    const model = (this.model = new Model(data));
    this.details = new Details(this);
    const picture = document.getElementById("stack-view");
    this.views.push(new TreeView(this), new StacksView(this));
    if (model.deadlocks.length || Object.keys(model.waits).length) {
      this.views.push(new WaitsView(this));
    }
    this.views.push(new MemoryView(this));
    if (picture.querySelector("svg")) this.views.push({ title: "C stack", element: picture });
    this._countStates();
    this.details.show(el("p", { class: "hint" }, "Choose a greenlet to see its stack."));
  }

  _showTimeline(timeline) {
    this.timeline = new Timeline(timeline);
    this.details = new Details(this);
    this.views.push(new TimelineView(this), new TotalsView(this));
    const facts = document.getElementById("facts");
    facts.prepend(el("li", {}, this.timeline.about));
  }

  _countStates() {
    const { model } = this;
    const states = new Map();
    for (const state of model.columns.state) states.set(state, (states.get(state) ?? 0) + 1);
    const words = [...states].map(([state, count]) => `${counted(count)} ${model.text(state)}`);
    const threads = plural(model.threads.filter((each) => !each.ended).length, "thread");
    const text = `${plural(model.count, "greenlet")} in ${threads}`
      + (words.length ? ` (${words.join(", ")})` : "");
    document.getElementById("facts").prepend(el("li", {}, text));
  }

  _makeTabs() {
    const tabs = document.getElementById("tabs");
    const container = document.getElementById("views");
    this.views.forEach((view, n) => {
      view.element.id ||= `view-${n}`;
      view.element.setAttribute("role", "tabpanel");
      view.element.setAttribute("aria-label", view.title);
      view.element.hidden = true;
      container.append(view.element);
      const badge = view.badge
        ? el("span", { class: `badge number ${view.isBad ? "bad" : ""}` }, view.badge) : "";
      view.tab = el("button", { type: "button", role: "tab", "aria-controls": view.element.id,
        onclick: () => this.open(view), onkeydown: (event) => this._tabKey(event, n) },
        view.title, badge);
      tabs.append(view.tab);
    });
  }

  _tabKey(event, n) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const view = this.views[(n + step + this.views.length) % this.views.length];
    this.open(view);
    view.tab.focus();
  }

  open(view) {
    this.view = view;
    for (const each of this.views) {
      each.element.hidden = each !== view;
      each.tab.setAttribute("aria-selected", each === view);
      each.tab.tabIndex = each === view ? 0 : -1;
    }
    if (this.greenlet !== undefined) view.chosen?.(this.greenlet);
    view.opened?.();
  }

  _listen() {
    let timer = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this._filter(), 80);
    });
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.search.value = "";
        this._filter();
        this.focusView();
      } else if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        clearTimeout(timer);
        this._filter();
        this.focusView();
        this.view.chooseFirst?.();
        if (this.view.list?.count) this.view.list.choose(this._firstFound());
      }
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.matches("input, textarea");
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/") this.search.focus();
      else if (event.key === "?") document.getElementById("keys").showModal();
      else if (/^[1-9]$/.test(event.key) && this.views[event.key - 1]) {
        this.open(this.views[event.key - 1]);
        this.focusView();
      } else return;
      event.preventDefault();
    });
    document.getElementById("help").addEventListener("click",
      () => document.getElementById("keys").showModal());
  }

  /** The first row of the list that was found, and is not only an ancestor. */
  _firstFound() {
    const { nodes, found } = this.view;
    return nodes && found ? Math.max(nodes.findIndex(({ i }) => found.has(i)), 0) : 0;
  }

  focusView() {
    this.view.element.querySelector(".list, .timeline, svg")?.focus();
  }

  _filter() {
    this.query = this.search.value.trim().toLowerCase();
    const output = document.getElementById("found");
    if (this.timeline) {
      const count = this.views.reduce((n, view) => Math.max(n, view.search(this.query)), 0);
      output.textContent = this.query ? `${counted(count)} found` : "";
      return;
    }
    let found = this.only && new Set(this.only.members);
    if (this.query) {
      const kept = new Set();
      for (let i = 0; i < this.model.count; i++) {
        if ((!found || found.has(i)) && this.model.matches(i, this.query)) kept.add(i);
      }
      found = kept;
    }
    output.textContent = found ? `${counted(found.size)} found` : "";
    for (const view of this.views) view.filter?.(found);
    if (this.greenlet !== undefined) this.view.chosen?.(this.greenlet);
  }

  /** Shows a greenlet in the details; and in the view, unless the choice comes from there. */
  chooseGreenlet(i, { from } = {}) {
    this.greenlet = i;
    this.details.greenlet(i);
    if (from) return;
    const tree = this.views[0];
    if (!tree.where.has(i) && tree.found) this._showAll();
    if (this.view !== tree) this.open(tree);
    else tree.chosen(i);
  }

  showSlice(i) {
    this._toTimeline(this.timeline.track[i]).chooseSlice(i, { fit: true });
  }

  showTrack(k) {
    this._toTimeline(k).chooseTrack(k);
  }

  _toTimeline(k) {
    const view = this.views[0];
    if (!view.rowOf.has(k)) {
      this.search.value = "";
      this._filter();
    }
    if (this.view !== view) this.open(view);
    return view;
  }

  _showAll() {
    this.search.value = "";
    this.only = null;
    this._chip();
    this._filter();
  }

  /** Shows some greenlets alone. */
  showInTree(members, text) {
    this.only = { members, text };
    this.search.value = "";
    this._chip();
    this._filter();
    this.open(this.views[0]);
    this.focusView();
  }

  _chip() {
    const chip = document.getElementById("chip");
    chip.hidden = !this.only;
    if (!this.only) return;
    const close = { type: "button", "aria-label": "Show all", onclick: () => this._showAll() };
    chip.replaceChildren(clipped(this.only.text, 40), el("button", close, "×"));
  }

  _theme() {
    const root = document.documentElement;
    const button = document.getElementById("theme");
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let chosen = null;
    try {
      chosen = localStorage.getItem("switchlib-theme");
    } catch {
      // Some browsers have no storage for files: then the choice is for this page alone.
    }
    const apply = () => {
      const theme = chosen ?? (dark.matches ? "dark" : "light");
      root.dataset.theme = theme;
      button.textContent = theme === "dark" ? "Light" : "Dark";
      const other = theme === "dark" ? "light" : "dark";
      button.setAttribute("aria-label", `Use ${other} colours`);
      for (const view of this.views) view.recolour?.();
    };
    dark.addEventListener("change", apply);
    button.addEventListener("click", () => {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("switchlib-theme", chosen);
      } catch {
        // As above.
      }
      apply();
    });
    apply();
  }

  _keys() {
    const dialog = document.getElementById("keys");
    const keys = [["/", "search"], ["Enter", "go to the first that was found"],
      ["Escape", "end the search"], [`1 … ${this.views.length}`, "the views"],
      ["↑ ↓ Page Home End", "move in a list"]];
    if (this.model) keys.push(["← →", "close and open a greenlet’s children"]);
    if (this.timeline) keys.push(...TIMELINE_KEYS);
    dialog.replaceChildren(el("h2", { id: "keys-title" }, "Keys"),
      el("dl", {}, keys.flatMap(([key, text]) => [
        el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)])),
      el("form", { method: "dialog" }, el("button", { class: "quiet" }, "Close")));
  }

  _notes() {
    const notes = [...document.querySelectorAll("#notes li")].map((each) => each.textContent);
    if (notes.length) {
      const text = `${plural(notes.length, "thing")} could not be read`;
      document.getElementById("facts").append(el("li", { title: notes.join("\n") }, text));
    }
  }
}

const app = new App();
document.documentElement.dataset.ready = "";
