/** A list of messages that keeps its elements: only what changed is drawn again, and the bottom stays the bottom. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { messageParts, inWords } from "./message.js";
import { onlyLocal } from "./notices.js";
import { Scope } from "./scope.js";
import { store, tell } from "./store.js";

const TOGETHER = 5 * 60; // seconds within which messages of one author stand under one name
const NEAR = 48; // pixels from the bottom that still count as being there

export class Timeline {
  /** `label` names the list for screen readers; `inThread` leaves out what belongs to a channel's top level. */
  constructor(label, inThread) {
    this.inThread = inThread;
    this.rows = new Map(); // key -> {element, drawn}
    this.scopes = new Map(); // "person channel ts" -> Scope
    this.failures = new Map(); // ts -> words
    this.place = null;
    this.atBottom = true;
    this.list = h("ol", { class: "messages", role: "log", "aria-live": "off", "aria-label": label });
    this.empty = h("div", { class: "empty" });
    this.inner = h("div", { class: "timeline-inner" }, this.empty, this.list);
    this.scroller = h("div", { class: "timeline", tabindex: "0" }, this.inner);
    this.more = h("button", { type: "button", class: "more-below", hidden: true, onclick: () => this.toBottom() }, icon("down"), "New messages");
    this.element = h("div", { class: "timeline-frame" }, this.scroller, this.more);
    this.scroller.addEventListener("scroll", () => this.scrolled());
    const follow = new ResizeObserver(() => this.atBottom && this.toBottom());
    follow.observe(this.inner);
    follow.observe(this.scroller);
  }

  /** Shows `messages` of `channel`; `emptyText` stands there when there are none. */
  show(channel, messages, emptyText = "") {
    const place = `${store.me} ${channel} ${this.inThread ? store.thread : ""}`;
    const arrivedHere = place !== this.place;
    if (arrivedHere) this.reset(place);
    this.channel = channel;
    this.empty.textContent = messages.length === 0 ? emptyText : "";
    const keep = new Set();
    let spot = this.list.firstElementChild;
    for (const item of this.items(messages)) {
      keep.add(item.key);
      const element = this.draw(item, arrivedHere);
      if (element === spot) spot = spot.nextElementSibling;
      else this.list.insertBefore(element, spot);
    }
    for (const [key, row] of this.rows) if (!keep.has(key)) this.drop(key, row);
    if (this.atBottom) this.toBottom();
  }

  toBottom() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.atBottom = true;
    this.more.hidden = true;
  }

  /** Says that something came while the person was reading further up. */
  hint() {
    this.more.hidden = this.atBottom;
  }

  reset(place) {
    this.place = place;
    this.list.replaceChildren();
    this.rows.clear();
    this.failures.clear();
    this.atBottom = true;
    this.more.hidden = true;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.atBottom = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.atBottom) this.more.hidden = true;
  }

  /** Messages with the days between them, each with a key and whether it stands under the name before it. */
  items(messages) {
    const items = [];
    let day = null;
    let before = null;
    for (const message of messages) {
      const today = new Date(Number(message.ts) * 1000).toDateString();
      if (today !== day && !this.inThread) items.push({ key: `day ${today}`, words: dayWords(today) });
      const compact = before !== null && today === day && !(this.inThread && before === messages[0]) && together(before, message);
      items.push({ key: message.ts, message, compact });
      if (this.inThread && before === null) items.push({ key: `replies ${messages.length}`, words: repliesIn(messages) });
      day = today;
      before = message;
    }
    return items;
  }

  draw(item, quietly) {
    const known = this.rows.get(item.key);
    const drawn = JSON.stringify([item.message, item.compact, this.failures.get(item.key)]);
    if (known?.drawn === drawn) return known.element;
    const element = known?.element ?? this.row(item);
    this.rows.set(item.key, { element, drawn });
    if (item.message) this.fill(element, item);
    if (item.message && known && said(known.drawn) !== said(drawn)) flash(element, "flash");
    else if (item.message && !known && !quietly) flash(element, "appear");
    return element;
  }

  row(item) {
    if (!item.message) return h("li", { class: "day", role: "separator" }, h("span", {}, item.words));
    return h("li", { class: "message", "data-testid": "message", "data-ts": item.message.ts, tabindex: "-1" });
  }

  fill(element, { message, compact }) {
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    const about = {
      compact,
      inThread: this.inThread,
      scope: this.scope(message),
      failure: this.failures.get(message.ts),
      onThread: (ts) => tell("open-thread", ts),
      onDismiss: (ts) => this.dismiss(ts),
    };
    element.classList.toggle("compact", Boolean(compact));
    element.classList.toggle("ephemeral", Boolean(message.ephemeral));
    element.classList.toggle("notice", Boolean(message.notice));
    element.setAttribute("aria-label", inWords(message));
    element.replaceChildren(...messageParts(message, about));
    if (focused) refocus(element, focused);
  }

  scope(message) {
    const key = `${store.me} ${this.channel} ${message.ts}`;
    const failed = (words) => {
      this.failures.set(message.ts, words);
      tell(this.inThread ? "thread-messages" : "messages", this.channel);
    };
    if (!this.scopes.has(key)) this.scopes.set(key, new Scope({ channel: this.channel, ts: message.ts }, failed));
    return this.scopes.get(key);
  }

  dismiss(ts) {
    onlyLocal.dismiss(store.me, ts);
    tell("messages", this.channel);
    tell("thread-messages");
    this.scroller.focus();
  }

  drop(key, row) {
    row.element.remove();
    this.rows.delete(key);
  }
}

function together(one, other) {
  if (one.user !== other.user || one.username !== other.username || one.ephemeral !== other.ephemeral) return false;
  return Number(other.ts) - Number(one.ts) < TOGETHER && !one.reply_count;
}

/** The part of a drawn state that people read, so that a new reply count alone does not flash. */
function said(drawn) {
  const [message] = JSON.parse(drawn);
  return JSON.stringify([message.text, message.blocks, message.files]);
}

function flash(element, name) {
  element.classList.remove("flash", "appear");
  void element.offsetWidth; // restarts the animation
  element.classList.add(name);
  element.addEventListener("animationend", () => element.classList.remove(name), { once: true });
}

/** Puts the focus back on the same control, or on the message when the control has gone. */
function refocus(element, focused) {
  const same = [...element.querySelectorAll("[data-action-id]")].find((each) => each.dataset.actionId === focused.dataset.actionId);
  (same ?? element).focus({ preventScroll: true });
}

function repliesIn(thread) {
  if (thread.length === 1) return "No replies yet";
  return thread.length === 2 ? "1 reply" : `${thread.length - 1} replies`;
}

function dayWords(day) {
  const date = new Date(day);
  const days = Math.round((new Date(new Date().toDateString()) - date) / 86400000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}
