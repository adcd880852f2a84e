/** The page: puts its parts together and moves between channels, threads and people. */

import { get, post } from "./api.js";
import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { Frame } from "./frame.js";
import { Home } from "./home.js";
import { connect, loadThread } from "./live.js";
import { inWords } from "./message.js";
import { watchViews } from "./modal.js";
import { onlyLocal } from "./notices.js";
import { ThreadPanel } from "./panel.js";
import { readRoute, writeRoute } from "./route.js";
import { inSentence } from "./scope.js";
import { Sidebar } from "./sidebar.js";
import { channelOf, isReply, labelOf, messagesOf, nameOf, on, personOf, placesOf, store, tell } from "./store.js";
import { openSwitcher } from "./switcher.js";
import { Timeline } from "./timeline.js";
import { markRead, unreadIn } from "./unread.js";

class App {
  constructor() {
    this.timeline = new Timeline("Messages", false);
    this.composer = new Composer({ testid: "composer", send: (text) => this.say(text, null), use: (callback) => this.useShortcut(callback) });
    this.home = new Home();
    this.thread = new ThreadPanel({ send: (text) => this.say(text, store.thread), close: () => this.openThread(null) });
    this.sidebar = new Sidebar({ go: (place) => this.go(place), actAs: (id) => this.actAs(id) });
    this.announcer = h("div", { class: "sr-only", "aria-live": "polite", "data-testid": "announcer" });
    this.frame = new Frame(this.sidebar.element, [this.timeline.element, this.home.element, this.composer.element], this.thread.element, () => this.openSwitcher());
  }

  start() {
    document.body.replaceChildren(this.frame.element, this.announcer);
    on("messages", (channel) => channel === store.place && this.drawMessages());
    on("arrival", (arrival) => this.announce(arrival));
    on("open-thread", (ts) => this.openThread(ts));
    watchViews();
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("visibilitychange", () => this.drawMessages());
    window.addEventListener("popstate", () => this.follow(readRoute()));
    this.follow(readRoute());
  }

  /** Goes where the address says, as far as that exists. */
  follow({ as, place, thread }) {
    const me = personOf(as)?.id ?? store.me ?? "";
    const changed = (me || store.people[0].id) !== store.me;
    store.me = me || store.people[0].id;
    store.place = place === "home" || channelOf(place) ? place : store.place || store.channels[0].id;
    store.thread = store.place === "home" ? null : thread;
    this.arrive();
    if (changed) this.become();
    else if (store.thread) loadThread(store.place, store.thread).catch(() => this.openThread(null));
  }

  go(place) {
    if (place !== store.place) Object.assign(store, { place, thread: null });
    this.arrive();
    this.frame.closeDrawer();
    if (place === "home") this.home.element.focus();
    else this.composer.focus();
  }

  actAs(id) {
    this.frame.closeDrawer();
    if (id === store.me) return;
    store.me = id;
    this.arrive();
    this.become();
  }

  /** Listens as the person who acts now. */
  become() {
    tell("person");
    connect();
  }

  openThread(ts) {
    store.thread = ts;
    this.arrive();
    if (ts) loadThread(store.place, ts).catch(() => this.openThread(null));
    if (ts) this.thread.composer.focus();
    else this.composer.focus();
  }

  /** Draws the place that the store names. */
  arrive() {
    // The direct messages of somebody else are no place for whoever acts now.
    if (store.place !== "home" && !channelOf(store.place)) Object.assign(store, { place: "home", thread: null });
    writeRoute({ as: store.me, place: store.place, thread: store.thread });
    const channel = channelOf(store.place);
    this.home.element.hidden = Boolean(channel);
    this.timeline.element.hidden = !channel;
    this.composer.element.hidden = !channel || Boolean(channel.direct);
    this.frame.title(channel ? channel.name : store.bot.name, channel ? channel.topic || channel.purpose : "App Home", Boolean(channel) && !channel.direct);
    if (channel) this.composer.moveTo(`${store.me} ${channel.id}`, `Message ${labelOf(channel)} as ${nameOf(store.me)}`);
    else this.home.load();
    this.thread.move(false);
    this.drawMessages();
    tell("place");
  }

  drawMessages() {
    const channel = channelOf(store.place);
    if (channel) {
      this.timeline.show(channel.id, messagesOf(channel.id), `Nothing has been said in ${labelOf(channel)} yet.`);
      if (markRead(channel.id)) tell("read");
    }
    const waiting = placesOf().reduce((sum, each) => sum + (each.id === store.place ? 0 : unreadIn(each.id).mentions), 0);
    document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${channel ? labelOf(channel) : store.bot.name} · Signalbox sandbox`;
  }

  async say(text, thread) {
    const { me, place } = store;
    if (thread && text.startsWith("/")) return this.note(me, place, thread, "Slash commands do not work in threads. Send it in the channel instead.");
    if (!thread) this.timeline.toBottom();
    const answer = await post("say", { as: me, channel: place, text, ...(thread ? { thread_ts: thread } : {}) });
    if (!answer.ok) this.note(me, place, thread, inSentence(answer.error));
    return undefined;
  }

  /** Uses a global shortcut, which knows no channel. */
  async useShortcut(callback) {
    const { me, place } = store;
    const answer = await post("shortcut", { as: me, callback_id: callback });
    if (!answer.ok) this.note(me, place, null, inSentence(answer.error));
  }

  note(me, place, thread, words) {
    onlyLocal.add(me, place, thread, words);
    tell("messages", place);
    tell("thread-messages");
    this.announcer.textContent = words;
  }

  announce({ channel, message }) {
    if (message.user === store.me && !message.ephemeral) return;
    if (channel === store.place && !isReply(message)) this.timeline.hint();
    const where = channel === store.place ? "" : `In ${labelOf(channelOf(channel))}, `;
    if (channel === store.place || message.ephemeral) this.announcer.textContent = where + inWords(message);
  }

  openSwitcher() {
    openSwitcher({ go: (place) => this.go(place), actAs: (id) => this.actAs(id) });
  }

  key(event) {
    if (document.querySelector("dialog[open]")) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      this.openSwitcher();
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      this.step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape" && !this.frame.closeDrawer() && store.thread) this.openThread(null);
  }

  /** To the next or previous place of the sidebar, around its ends. */
  step(by) {
    const places = [...placesOf().map((channel) => channel.id), "home"];
    this.go(places[(places.indexOf(store.place) + by + places.length) % places.length]);
  }
}

async function start() {
  try {
    Object.assign(store, await get("workspace"));
  } catch (error) {
    document.body.replaceChildren(h("p", { class: "empty", role: "alert" }, `The workspace cannot be read: ${error.message}. Trying again…`));
    setTimeout(start, 2000);
    return;
  }
  new App().start();
}

start();
