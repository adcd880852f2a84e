/** One message: who, when, what it says, its blocks and files, and what can be done with it. */

import { renderBlocks } from "./blocks.js";
import { h, isBusy, whileBusy } from "./dom.js";
import { emoji } from "./emoji.js";
import { fileCard } from "./files.js";
import { icon } from "./icons.js";
import { mrkdwn } from "./mrkdwn.js";
import { avatar } from "./people.js";
import { nameOf, personOf, store } from "./store.js";

/**
 * The children of a message's list item. `about` says how it stands there: {compact, inThread, scope, failure,
 * onThread(ts), onDismiss(ts)}.
 */
export function messageParts(message, about) {
  const body = h("div", { class: "message-body" }, about.compact ? null : heading(message), origin(message, about), content(message, about), notified(message), failure(about), thread(message, about));
  const side = about.compact ? h("span", { class: "message-side" }, time(message, "side-time")) : h("span", { class: "message-side" }, avatar(message.user));
  return [side, body, tools(message, about)].filter(Boolean);
}

/** What a message says in a line, for announcements and labels. */
export function inWords(message) {
  return `${author(message)}: ${mrkdwn(message.text).textContent}`.slice(0, 240);
}

export function author(message) {
  return personOf(message.user) ? nameOf(message.user) : message.username || nameOf(message.user);
}

function heading(message) {
  const app = message.bot_id && h("span", { class: "badge" }, "APP");
  return h("div", { class: "message-head" }, h("span", { class: "author" }, author(message)), app, time(message));
}

function time(message, kind = "time") {
  const when = new Date(Number(message.ts) * 1000);
  const words = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  return h("time", { class: kind, datetime: when.toISOString(), title: when.toLocaleString() }, words);
}

function content(message, about) {
  const only = message.ephemeral && h("div", { class: "only-you" }, icon("eye"), "Only visible to you");
  const blocks = message.blocks ?? [];
  const words = blocks.length > 0 ? h("div", { class: "blocks" }, renderBlocks(blocks, about.scope)) : message.text ? mrkdwn(message.text) : null;
  const edited = message.edited && h("span", { class: "edited" }, "(edited)");
  const files = (message.files ?? []).map(fileCard);
  return [only, words, edited, h("div", { class: "files" }, files), reactions(message)].filter((part) => part && !(part.className === "files" && files.length === 0));
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  const one = ({ name, count }) => h("span", { class: "reaction" }, emoji(`:${name}:`) ?? `:${name}:`, ` ${count ?? 1}`);
  return h("div", { class: "reactions" }, message.reactions.map(one));
}

/** Of a reply that the channel displays too: the way to its thread. */
function origin(message, about) {
  if (!message.broadcast || about.inThread) return null;
  return h("button", { type: "button", class: "thread-link", "data-testid": "open-thread", onclick: () => about.onThread(message.thread_ts) }, icon("reply"), "replied to a thread");
}

/** Whom Slack would have notified of this message, and why; the sandbox alone displays this. */
function notified(message) {
  const mentioned = (message.notified ?? []).filter(({ why }) => why === "mention" || why === "direct").map(({ user }) => nameOf(user));
  return mentioned.length > 0 && h("div", { class: "notified", "data-testid": "notified", title: "A mention in a new message notifies people in Slack; an edit does not." }, emoji(":bell:") ?? "", ` Notified: ${mentioned.join(", ")}`);
}

function failure(about) {
  return about.failure && h("div", { class: "failure", role: "alert" }, icon("alert"), about.failure);
}

function thread(message, about) {
  if (about.inThread || !message.reply_count) return null;
  const count = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  const last = message.latest_reply && h("span", { class: "hint" }, "last at ", time({ ts: message.latest_reply }));
  return h("button", { type: "button", class: "thread-link", "data-testid": "open-thread", onclick: () => about.onThread(message.ts) }, icon("reply"), h("span", {}, count), last);
}

function tools(message, about) {
  if (message.ephemeral) {
    return h("div", { class: "tools" }, h("button", { type: "button", title: "Dismiss", "aria-label": "Dismiss this message", "data-testid": "dismiss", onclick: () => about.onDismiss(message.ts) }, icon("close")));
  }
  const reply = !about.inThread && h("button", { type: "button", title: "Reply in thread", "aria-label": `Reply in thread to ${author(message)}`, "data-testid": "reply", onclick: () => about.onThread(message.ts) }, icon("reply"));
  const shortcuts = message.notice ? [] : store.shortcuts.filter((shortcut) => shortcut.of_message).map((shortcut) => shortcutButton(shortcut, about));
  return (reply || shortcuts.length > 0) && h("div", { class: "tools" }, reply, shortcuts);
}

/** A shortcut of the app for this message. Slack has these in the menu "More actions" of a message. */
function shortcutButton({ callback_id: callback, name }, about) {
  const button = h("button", { type: "button", title: `${name} (shortcut of ${store.bot.name})`, "aria-label": name, "data-testid": "shortcut", "data-callback-id": callback }, icon("outward"));
  button.addEventListener("click", () => !isBusy(button) && whileBusy(button, () => about.scope.useShortcut(callback)));
  return button;
}
