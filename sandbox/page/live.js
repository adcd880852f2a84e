/** The stream of events for the person who acts, opened again whenever it breaks, with a resync each time it opens. */

import { get } from "./api.js";
import { changesOf, isReply, placesOf, putMessage, removeMessage, setMessages, setThread, store, tell } from "./store.js";

const SHORTEST = 500; // milliseconds between two attempts
const LONGEST = 8000;

let source = null;
let timer = 0;
let pause = SHORTEST;
let generation = 0;

/** Listens as `store.me`; drops the stream of whoever acted before. */
export function connect() {
  generation += 1;
  clearTimeout(timer);
  source?.close();
  const mine = generation;
  source = new EventSource(`/page/api/events?as=${encodeURIComponent(store.me)}`);
  source.onopen = () => {
    pause = SHORTEST;
    setConnected(true);
    resync().catch(() => retry(mine));
  };
  source.onerror = () => retry(mine);
  for (const [kind, take] of Object.entries(EVENTS)) source.addEventListener(kind, (event) => take(JSON.parse(event.data)));
}

function retry(mine) {
  if (mine !== generation) return; // somebody else acts by now
  source.close();
  setConnected(false);
  clearTimeout(timer);
  timer = setTimeout(connect, pause);
  pause = Math.min(pause * 2, LONGEST);
}

function setConnected(connected) {
  if (store.connected === connected) return;
  store.connected = connected;
  tell("connection");
}

const EVENTS = {
  message: ({ channel, message }) => arrived(channel, message),
  ephemeral: ({ channel, message }) => arrived(channel, { ...message, ephemeral: true }),
  changed: ({ channel, message }) => putMessage(channel, message),
  deleted: ({ channel, ts }) => removeMessage(channel, ts),
  view: ({ view }) => tell("view", view ?? null),
  home: ({ view }) => tell("home", view ?? null),
};

function arrived(channel, message) {
  const fresh = putMessage(channel, message);
  if (fresh) tell("arrival", { channel, message });
  if (isReply(message)) refreshParent(channel);
}

/** A parent shows how many replies it has; asking is simpler than counting along, and always right. */
const waiting = new Set();
function refreshParent(channel) {
  if (waiting.has(channel)) return;
  waiting.add(channel);
  setTimeout(() => {
    waiting.delete(channel);
    loadChannel(channel).catch(() => retry(generation));
  }, 150);
}

export async function resync() {
  await Promise.all(placesOf().map((channel) => loadChannel(channel.id)));
  if (store.thread) await loadThread(store.place, store.thread);
  tell("synced");
}

/** Asks again where an event came meanwhile: the answer may be older than the event. */
export async function loadChannel(channel) {
  const as = store.me;
  const before = changesOf(channel);
  const { messages } = await get(`channels/${channel}/messages`, { as });
  if (as !== store.me) return;
  if (changesOf(channel) === before) setMessages(channel, messages);
  else await loadChannel(channel);
}

export async function loadThread(channel, ts) {
  const as = store.me;
  const { messages } = await get(`channels/${channel}/threads/${ts}`, { as });
  if (as === store.me && ts === store.thread) setThread(ts, messages);
}
