/** The thread on the right: its messages and a composer. */

import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { on, store, channelOf, labelOf, nameOf, threadMessages } from "./store.js";
import { Timeline } from "./timeline.js";

export class ThreadPanel {
  /** `send(text)` posts a reply; `close()` closes the panel. */
  constructor({ send, close }) {
    this.timeline = new Timeline("Thread", true);
    this.composer = new Composer({ testid: "thread-composer", send });
    this.where = h("span", { class: "topic" });
    const shut = h("button", { type: "button", class: "icon-button", "aria-label": "Close the thread", "data-testid": "close-thread", onclick: close }, icon("close"));
    const head = h("header", { class: "panel-head" }, h("div", { class: "titles" }, h("h2", {}, "Thread"), this.where), shut);
    this.element = h("aside", { class: "thread", "data-testid": "thread", "aria-label": "Thread", hidden: true }, head, this.timeline.element, this.composer.element);
    on("thread-messages", () => this.draw());
  }

  /** Shows the thread that the store names, or hides the panel. */
  move(focus) {
    this.element.hidden = !store.thread;
    if (!store.thread) return;
    this.where.textContent = labelOf(channelOf(store.place));
    this.composer.moveTo(`${store.me} ${store.place} ${store.thread}`, `Reply as ${nameOf(store.me)}`);
    this.draw();
    if (focus) this.composer.focus();
  }

  draw() {
    if (store.thread) this.timeline.show(store.place, threadMessages());
  }
}
