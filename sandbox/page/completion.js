/** What the composer offers while somebody types: slash commands, people, emoji. */

import { emoji, emojiNames } from "./emoji.js";
import { h } from "./dom.js";
import { avatar } from "./people.js";
import { store } from "./store.js";

const MOST = 8;

/**
 * What fits the text before the caret: {from, items: [{insert, title, hint, picture?}]}; `insert` replaces the text from
 * `from` to the caret.
 */
export function completionsFor(before) {
  if (/^\/[^\s]*$/.test(before)) return { from: 0, items: commands(before.toLowerCase()) };
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

function people(start) {
  const fitting = store.people.filter((person) => [person.name, ...(person.real_name ?? "").split(" ")].some((name) => name.toLowerCase().startsWith(start)));
  return fitting.slice(0, MOST).map((person) => ({ insert: `@${person.name} `, title: person.real_name || person.name, usage: `@${person.name}`, hint: person.title, picture: avatar(person.id) }));
}

function faces(start) {
  return emojiNames(start, MOST).map((name) => ({ insert: `:${name}: `, title: `:${name}:`, picture: h("span", { class: "face" }, emoji(`:${name}:`)) }));
}
