/** How far each person has read each channel, kept in this browser. */

import { messagesOf, store } from "./store.js";

const KEY = "signalbox.read";
let read = JSON.parse(localStorage.getItem(KEY) ?? "{}");

/** {count, mentions}: what came to a channel since `store.me` last looked. */
export function unreadIn(channel) {
  const since = Number(read[store.me]?.[channel] ?? 0);
  const fresh = messagesOf(channel).filter((message) => Number(message.ts) > since && message.user !== store.me && !message.notice);
  const mentions = fresh.filter((message) => message.ephemeral || (message.notified ?? []).some(({ user }) => user === store.me));
  return { count: fresh.length, mentions: mentions.length };
}

/** Everything in the channel counts as seen, unless the page is in the background. Returns whether that changed anything. */
export function markRead(channel) {
  const newest = messagesOf(channel).at(-1)?.ts;
  if (!newest || document.hidden || read[store.me]?.[channel] === newest) return false;
  read = { ...read, [store.me]: { ...read[store.me], [channel]: newest } };
  localStorage.setItem(KEY, JSON.stringify(read));
  return true;
}
