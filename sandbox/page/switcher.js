/** Ctrl/Cmd+K: to a channel, to the app's Home, or to another person, by typing a part of the name. */

import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { icon, mark } from "./icons.js";
import { avatar, roleOf } from "./people.js";
import { nameOf, placesOf, store } from "./store.js";

let opened = null;

export function openSwitcher({ go, actAs }) {
  if (opened) return;
  const list = h("ul", { class: "completions inline", role: "listbox", id: "switcher-list", "aria-label": "Places and people" });
  const box = h("input", { type: "text", class: "switcher-box", placeholder: "Go to a channel, or act as somebody…", role: "combobox", "aria-expanded": "true", "aria-controls": list.id, "aria-label": "Go to a channel, or act as somebody", autocomplete: "off" });
  const finish = () => {
    opened?.close();
    opened = null;
  };
  let fitting = [];
  let chosen = 0;
  const draw = () => {
    list.replaceChildren(...fitting.map((target, index) => option(target, index, index === chosen, () => choose(index))));
    if (fitting.length === 0) list.append(h("li", { class: "nothing" }, "Nothing here has that name."));
    box.setAttribute("aria-activedescendant", fitting.length > 0 ? `switcher-${chosen}` : "");
  };
  const choose = (index) => {
    const target = fitting[index];
    finish();
    target?.run();
  };
  const search = () => {
    const words = box.value.trim().toLowerCase().replace(/^[#@]/, "");
    fitting = targets({ go, actAs }).filter((target) => target.name.toLowerCase().includes(words));
    chosen = 0;
    draw();
  };
  const key = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && fitting.length > 0) chosen = (chosen + step + fitting.length) % fitting.length;
    else if (event.key === "Enter") choose(chosen);
    if (!step && event.key !== "Enter") return;
    event.preventDefault();
    if (opened) draw();
  };
  box.addEventListener("input", search);
  box.addEventListener("keydown", key);
  opened = openDialog({ class: "dialog switcher", "data-testid": "switcher", "aria-label": "Switcher" }, [box, list], finish);
  search();
  box.focus();
}

function targets({ go, actAs }) {
  const channels = placesOf().map((channel) => ({ name: channel.name, hint: channel.topic, picture: icon(channel.direct ? "reply" : "hash"), run: () => go(channel.id) }));
  const home = { name: store.bot.name, hint: "App Home", picture: h("span", { class: "tiny-mark" }, mark()), run: () => go("home") };
  const others = store.people.filter((person) => person.id !== store.me);
  const people = others.map((person) => ({ name: nameOf(person.id), hint: `Act as ${person.name} · ${roleOf(person)}`, picture: avatar(person.id), run: () => actAs(person.id) }));
  return [...channels, home, ...people];
}

function option(target, index, chosen, press) {
  const words = h("span", { class: "option-words" }, h("span", { class: "option-title" }, target.name), h("span", { class: "hint" }, target.hint));
  return h("li", { role: "option", id: `switcher-${index}`, "aria-selected": String(chosen), onclick: press }, target.picture, words);
}
