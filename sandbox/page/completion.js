/** What the composer offers while somebody types: slash commands and global shortcuts, people, emoji. */

import { emoji, emojiNames } from "./emoji.js";
import { h } from "./dom.js";
import { avatar } from "./people.js";
import { store } from "./store.js";

const MOST = 8;

/**
 * What fits the text before the caret: {from, items: [{insert, title, hint, picture?, shortcut?}]}; `insert` replaces the
 * text from `from` to the caret. An item with `shortcut` is no text: choosing it uses the global shortcut.
 */
export function completionsFor(before) {
  if (/^\/[^\s]*$/.test(before)) return { from: 0, items: [...commands(before.toLowerCase()), ...shortcuts(before.slice(1).toLowerCase())] };
  const person = before.match(/(?:^|\s)@([\w.-]*)$/);
  if (person) return { from: before.length - person[1].length - 1, items: people(person[1].toLowerCase()) };
  const face = before.match(/(?:^|\s):([a-z0-9_+-]{2,})$/);
  if (face) return { from: before.length - face[1].length - 1, items: faces(face[1]) };
  return { from: 0, items: [] };
}

/** The command that `text` calls, once its name is complete. */
export function commandIn(text) {
  const name = text.match(/^(\/\S+)\s/)?.[1];
  return store.commands.find((command) => command.command === name);
}

function commands(start) {
  const fitting = store.commands.filter((command) => command.command.startsWith(start));
  return fitting.slice(0, MOST).map((command) => ({ insert: `${command.command} `, title: command.command, usage: command.usage_hint, hint: command.description }));
}

/** Global shortcuts, which Slack lists under the commands; they match by any word of their name. */
function shortcuts(start) {
  const fitting = store.shortcuts.filter((each) => !each.of_message && each.name.toLowerCase().split(" ").some((word) => word.startsWith(start)));
  return fitting.map((each) => ({ insert: "", title: each.name, hint: `Shortcut of ${store.bot.name}`, shortcut: each.callback_id }));
}

function people(start) {
  const fitting = store.people.filter((person) => [person.name, ...(person.real_name ?? "").split(" ")].some((name) => name.toLowerCase().startsWith(start)));
  return fitting.slice(0, MOST).map((person) => ({ insert: `@${person.name} `, title: person.real_name || person.name, usage: `@${person.name}`, hint: person.title, picture: avatar(person.id) }));
}

function faces(start) {
  return emojiNames(start, MOST).map((name) => ({ insert: `:${name}: `, title: `:${name}:`, picture: h("span", { class: "face" }, emoji(`:${name}:`)) }));
}
