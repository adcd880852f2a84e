/** The sidebar: the workspace, its channels with what is unread, the app, and who acts. */

import { h } from "./dom.js";
import { icon, mark } from "./icons.js";
import { avatar, roleOf } from "./people.js";
import { nameOf, on, placesOf, store } from "./store.js";
import { unreadIn } from "./unread.js";

export class Sidebar {
  /** `go(place)` opens a channel or the Home, `actAs(person id)` changes who acts. */
  constructor({ go, actAs }) {
    this.go = go;
    this.actAs = actAs;
    this.state = h("span", { class: "connection", role: "status" });
    this.channels = h("ul", { class: "places" });
    this.apps = h("ul", { class: "places" });
    this.people = h("ul", { class: "persons" });
    const head = h("div", { class: "brand" }, mark(), h("div", {}, h("div", { class: "brand-name" }, store.team.name || store.team.domain), h("div", { class: "brand-sub" }, "Signalbox sandbox", this.state)));
    const scroll = h("div", { class: "sidebar-scroll" }, group("Channels", this.channels), group("Apps", this.apps));
    this.element = h("nav", { class: "sidebar", id: "sidebar", "aria-label": "Workspace" }, head, scroll, h("div", { class: "who" }, group("You act as", this.people)));
    for (const topic of ["messages", "place", "person", "read"]) on(topic, () => this.draw());
    on("connection", () => this.drawConnection());
    this.draw();
  }

  draw() {
    const held = document.activeElement?.dataset?.testid;
    const focused = this.element.contains(document.activeElement) ? held : null;
    this.channels.replaceChildren(...store.channels.map((channel) => this.channelItem(channel)));
    this.apps.replaceChildren(this.homeItem(), ...placesOf().filter((place) => place.direct).map((place) => this.channelItem(place)));
    this.people.replaceChildren(...store.people.map((person) => this.personItem(person)));
    if (focused) this.element.querySelector(`[data-testid="${focused}"]`)?.focus();
  }

  drawConnection() {
    this.state.textContent = store.connected ? "" : " · reconnecting…";
    document.documentElement.dataset.connected = String(store.connected);
  }

  channelItem(channel) {
    const { count, mentions } = unreadIn(channel.id);
    const here = store.place === channel.id;
    const unread = count > 0 && !here;
    const badge = unread && (mentions > 0 ? h("span", { class: "count" }, mentions, hidden(" for you")) : h("span", { class: "dot" }, hidden(" unread")));
    return place(`channel-${channel.id}`, here, unread, () => this.go(channel.id), [icon(channel.direct ? "reply" : "hash"), h("span", { class: "place-name" }, channel.name), badge]);
  }

  homeItem() {
    const here = store.place === "home";
    return place("home-link", here, false, () => this.go("home"), [h("span", { class: "tiny-mark" }, mark()), h("span", { class: "place-name" }, store.bot.name)]);
  }

  personItem(person) {
    const mine = person.id === store.me;
    const words = h("span", { class: "person-words" }, h("span", { class: "person-name" }, nameOf(person.id)), h("span", { class: "person-title" }, roleOf(person)));
    return h("li", {}, h("button", { type: "button", class: "person", "aria-pressed": String(mine), "data-testid": `person-${person.id}`, onclick: () => this.actAs(person.id) }, avatar(person.id), words));
  }
}

function group(title, list) {
  return h("section", { class: "side-group" }, h("h2", {}, title), list);
}

function place(testid, here, unread, press, children) {
  const kind = `place${unread ? " unread" : ""}`;
  return h("li", {}, h("button", { type: "button", class: kind, "aria-current": here ? "page" : null, "data-testid": testid, onclick: press }, children));
}

function hidden(words) {
  return h("span", { class: "sr-only" }, words);
}
