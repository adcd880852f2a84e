/** What the page knows: the workspace, who acts, where they are, and the messages of every channel. */

import { onlyLocal } from "./notices.js";

export const store = {
  team: { id: "", name: "", domain: "" },
  bot: { id: "", name: "Signalbox" },
  people: [],
  channels: [],
  /** {id, person} of each person's direct messages with the app. */
  direct: [],
  commands: [],
  shortcuts: [],
  usergroups: [],
  me: "",
  /** Channel id, or "home" for the app's Home. */
  place: "",
  /** ts of the thread that is open, or null. */
  thread: null,
  connected: true,
};

const bus = new EventTarget();
/** channel id -> messages on top level, oldest first. */
const messages = new Map();
/** channel id -> how many events have changed its messages. */
const changes = new Map();
/** ts of replies already counted, so that an event that comes twice counts once. */
let replies = [];
let replyThread = null;

export function on(topic, listener) {
  bus.addEventListener(topic, (event) => listener(event.detail));
}

export function tell(topic, detail) {
  bus.dispatchEvent(new CustomEvent(topic, { detail }));
}

/** Name of a person or the bot, or the id itself when nobody has it. */
export function nameOf(user) {
  if (user === store.bot.id) return store.bot.name;
  const person = personOf(user);
  return person ? person.real_name || person.name : user;
}

export function personOf(user) {
  return store.people.find((person) => person.id === user);
}

/** The channel of this id, or the direct messages of whoever acts. */
export function channelOf(id) {
  return placesOf().find((channel) => channel.id === id);
}

/** The channels, and the direct messages of whoever acts, which are read only. */
export function placesOf() {
  const mine = store.direct.filter(({ person }) => person === store.me);
  return [...store.channels, ...mine.map(({ id }) => ({ id, name: "Messages", topic: `From ${store.bot.name} to ${nameOf(store.me)}`, direct: true }))];
}

/** How a place is called in a sentence. */
export function labelOf(channel) {
  return channel?.direct ? "your messages" : `#${channel?.name ?? ""}`;
}

export function messagesOf(channel) {
  const dismissed = onlyLocal.dismissed(store.me);
  const notices = onlyLocal.notices(store.me, channel, null);
  return inOrder([...(messages.get(channel) ?? []), ...notices]).filter((message) => !dismissed.has(message.ts));
}

export function threadMessages() {
  const dismissed = onlyLocal.dismissed(store.me);
  const notices = onlyLocal.notices(store.me, store.place, store.thread);
  const [parent, ...rest] = replies;
  if (!parent || replyThread !== store.thread) return [];
  return [parent, ...inOrder([...rest, ...notices])].filter((message) => !dismissed.has(message.ts));
}

export function setMessages(channel, list) {
  messages.set(channel, inOrder(list));
  tell("messages", channel);
}

export function setThread(ts, list) {
  replyThread = ts;
  replies = list;
  tell("thread-messages");
}

/** How often events have changed the channel's messages so far. */
export function changesOf(channel) {
  return changes.get(channel) ?? 0;
}

/** A new message, or a new state of a known one. Returns whether it was new. */
export function putMessage(channel, message) {
  if (isReply(message)) {
    const fresh = putReply(message);
    if (!message.broadcast) return fresh;
  }
  changes.set(channel, changesOf(channel) + 1);
  const list = messages.get(channel) ?? [];
  const known = list.some((each) => each.ts === message.ts);
  messages.set(channel, known ? list.map((each) => (each.ts === message.ts ? message : each)) : inOrder([...list, message]));
  if (message.ts === replyThread) replaceReply(message);
  tell("messages", channel);
  return !known;
}

export function removeMessage(channel, ts) {
  changes.set(channel, changesOf(channel) + 1);
  messages.set(channel, (messages.get(channel) ?? []).filter((message) => message.ts !== ts));
  replies = replies.filter((message) => message.ts !== ts);
  tell("messages", channel);
  tell("thread-messages");
}

/** Replies are not shown on the channel's top level. */
export function isReply(message) {
  return Boolean(message.thread_ts) && message.thread_ts !== message.ts;
}

function putReply(message) {
  if (message.thread_ts !== replyThread) return true;
  const known = replies.some((each) => each.ts === message.ts);
  if (known) replaceReply(message);
  else replies = [...replies, message];
  tell("thread-messages");
  return !known;
}

function replaceReply(message) {
  replies = replies.map((each) => (each.ts === message.ts ? message : each));
  tell("thread-messages");
}

function inOrder(list) {
  return [...list].sort((one, other) => Number(one.ts) - Number(other.ts));
}
