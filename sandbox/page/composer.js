/** The box in which people type: completion, history, drafts. Enter sends, Shift+Enter makes a new line. */

import { commandIn, completionsFor } from "./completion.js";
import { h, newId } from "./dom.js";
import { history } from "./history.js";
import { icon } from "./icons.js";
import { store } from "./store.js";

export class Composer {
  /** `send(text)` is called with what was typed, `use(id)` with a global shortcut that was chosen; `testid` is the hook for tests. */
  constructor({ testid, send, use = null }) {
    this.send = send;
    this.use = use;
    this.drafts = new Map();
    this.place = "";
    this.offer = { from: 0, items: [] };
    this.chosen = 0;
    this.recalled = null; // how far back in the history, or null
    this.build(testid);
  }

  build(testid) {
    this.listbox = h("ul", { class: "completions", role: "listbox", id: newId("completions"), "aria-label": "Completions", hidden: true, "data-testid": `${testid}-completions` });
    this.usage = h("div", { class: "usage", role: "status", "data-testid": `${testid}-usage` });
    const attributes = { rows: 1, role: "combobox", "data-testid": testid, "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.listbox.id, autocomplete: "off", spellcheck: "true" };
    this.box = h("textarea", { ...attributes, oninput: () => this.typed(), onkeydown: (event) => this.key(event), onblur: () => this.offerNothing(), onclick: () => this.complete() });
    const button = h("button", { type: "button", class: "send", "aria-label": "Send", onclick: () => this.submit() }, icon("send"));
    this.element = h("div", { class: "composer" }, this.listbox, h("div", { class: "composer-box" }, this.box, button), this.usage);
  }

  /** Another channel, thread or person: their own draft, and a label that says where the text will go and as whom. */
  moveTo(place, label) {
    this.drafts.set(this.place, this.box.value);
    this.place = place;
    this.box.setAttribute("aria-label", label);
    this.box.placeholder = label;
    this.put(this.drafts.get(place) ?? "");
    this.offerNothing();
  }

  focus() {
    this.box.focus();
  }

  put(text) {
    this.box.value = text;
    this.box.setSelectionRange(text.length, text.length);
    this.resize();
    this.showUsage();
  }

  typed() {
    this.recalled = null;
    this.resize();
    this.complete();
    this.showUsage();
  }

  resize() {
    this.box.style.height = "auto";
    this.box.style.height = `${this.box.scrollHeight}px`;
  }

  showUsage() {
    const command = commandIn(this.box.value);
    this.usage.replaceChildren(...(command ? [h("code", {}, `${command.command} ${command.usage_hint ?? ""}`.trim()), ` ${command.description ?? ""}`] : []));
  }

  complete() {
    if (this.box.selectionStart !== this.box.selectionEnd) return this.offerNothing();
    const { from, items } = completionsFor(this.box.value.slice(0, this.box.selectionStart));
    this.offer = { from, items: items.filter((item) => this.use || !item.shortcut) };
    this.chosen = 0;
    return this.drawOffer();
  }

  offerNothing() {
    this.offer = { from: 0, items: [] };
    this.drawOffer();
  }

  drawOffer() {
    const option = (item, index) => {
      const words = h("span", { class: "option-words" }, h("span", { class: "option-title" }, item.title), item.usage && h("span", { class: "option-usage" }, ` ${item.usage}`), item.hint && h("span", { class: "hint" }, item.hint));
      const press = (event) => {
        event.preventDefault(); // keeps the focus in the box
        this.chosen = index;
        this.accept();
      };
      return h("li", { role: "option", id: `${this.listbox.id}-${index}`, "aria-selected": String(index === this.chosen), onmousedown: press }, item.picture, words);
    };
    const open = this.offer.items.length > 0;
    this.listbox.replaceChildren(...this.offer.items.map(option));
    this.listbox.hidden = !open;
    this.box.setAttribute("aria-expanded", String(open));
    if (open) this.box.setAttribute("aria-activedescendant", `${this.listbox.id}-${this.chosen}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  accept() {
    const item = this.offer.items[this.chosen];
    const caret = this.box.selectionStart;
    const text = this.box.value;
    this.box.value = text.slice(0, this.offer.from) + item.insert + text.slice(caret).trimStart();
    const end = this.offer.from + item.insert.length;
    this.box.setSelectionRange(end, end);
    this.offerNothing();
    this.resize();
    this.showUsage();
    if (item.shortcut) this.use(item.shortcut);
  }

  key(event) {
    if (event.isComposing || event.altKey || event.metaKey || event.ctrlKey) return;
    const keys = this.offer.items.length > 0 ? { ...KEYS, ...OFFER_KEYS } : KEYS;
    if (keys[event.key]?.call(this, event)) event.preventDefault();
  }

  /** Whether Enter should send although something is offered: the text is already what the offer would make of it. */
  isComplete() {
    return this.offer.items[this.chosen]?.insert.trim() === this.box.value.slice(this.offer.from).trim();
  }

  move(by) {
    const count = this.offer.items.length;
    this.chosen = (this.chosen + by + count) % count;
    this.drawOffer();
    return true;
  }

  /** Puts an earlier (+1) or later (-1) entry into the box, unless something is being written there. */
  recall(by) {
    const entries = history.of(store.me);
    const next = (this.recalled ?? -1) + by;
    if (this.recalled === null && this.box.value !== "") return false;
    if (next >= entries.length || (this.recalled === null && by < 0)) return false;
    this.recalled = next < 0 ? null : next;
    this.put(next < 0 ? "" : entries[next]);
    return true;
  }

  submit() {
    const text = this.box.value.trim();
    if (!text) return;
    history.add(store.me, text);
    this.recalled = null;
    this.put("");
    this.offerNothing();
    this.send(text);
    this.focus();
  }
}

const KEYS = {
  Enter(event) {
    if (event.shiftKey) return false;
    this.submit();
    return true;
  },
  ArrowUp() {
    return this.recall(1);
  },
  ArrowDown() {
    return this.recall(-1);
  },
};

const OFFER_KEYS = {
  Enter(event) {
    if (event.shiftKey) return false;
    if (this.isComplete()) this.submit();
    else this.accept();
    return true;
  },
  Tab(event) {
    if (event.shiftKey) return false;
    this.accept();
    return true;
  },
  Escape(event) {
    event.stopPropagation();
    this.offerNothing();
    return true;
  },
  ArrowUp() {
    return this.move(-1);
  },
  ArrowDown() {
    return this.move(1);
  },
};
