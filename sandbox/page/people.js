/** Avatars and the words about who somebody is. */

import { h } from "./dom.js";
import { mark } from "./icons.js";
import { nameOf, personOf, store } from "./store.js";

const HUES = [205, 265, 340, 28, 165, 300, 90, 235];

/** A coloured square with initials; the app and the page itself wear the mark. */
export function avatar(user) {
  if (!personOf(user)) return h("span", { class: "avatar app", "aria-hidden": "true" }, mark());
  const at = store.people.findIndex((person) => person.id === user);
  const initials = nameOf(user).split(/\s+/).map((word) => word[0]).slice(0, 2).join("");
  return h("span", { class: "avatar", style: { "--hue": String(HUES[at % HUES.length]) }, "aria-hidden": "true" }, initials.toUpperCase());
}

/** "Lead", "Guest": the part of a person's title that says what they may do. */
export function roleOf(person) {
  return person.title || "Member";
}
