/**
 * Slack's mrkdwn as DOM nodes. The text arrives escaped as Slack escapes it (&amp; &lt; &gt;); angle brackets hold
 * links, mentions and dates.
 */

import { h, link, safeUrl } from "./dom.js";
import { asCharacters, emoji, withSymbols } from "./emoji.js";
import { channelOf, nameOf, personOf, store } from "./store.js";

const PAIRS = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}]/u;

/** The nodes of a whole mrkdwn text: code fences, quotes, lines. */
export function mrkdwn(text) {
  const parts = String(text ?? "").split("```");
  const unclosed = parts.length % 2 === 0;
  if (unclosed) parts.push("```" + parts.pop()); // an opening fence without an end is plain text
  return h("div", { class: "mrkdwn" }, parts.map((part, index) => (index % 2 === 1 && !(unclosed && index === parts.length - 1) ? fence(part) : lines(part, index > 0))));
}

/** The nodes of one plain_text object: no formatting, emoji by their names unless `emoji` is false. */
export function plain(text, withEmoji = true) {
  const parts = unescape(String(text ?? "")).split(/(:[a-z0-9_+-]+:)/);
  return parts.map((part) => (withEmoji && emoji(part)) || withSymbols(part));
}

/** The nodes of a text object of Block Kit, or of nothing. */
export function textOf(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text) : plain(object.text, object.emoji !== false);
}

/** What a text object says without any mark-up, for labels. */
export function wordsOf(object) {
  const words = unescape(String(object?.text ?? ""));
  return object?.emoji === false ? words : asCharacters(words);
}

export function mention(user) {
  const me = user === store.me ? " me" : "";
  const title = personOf(user)?.title;
  return h("span", { class: `mention${me}`, title }, `@${nameOf(user)}`);
}

export function channelMention(id, label) {
  const channel = channelOf(id);
  if (!channel) return h("span", { class: "mention" }, `#${label || id}`);
  return h("a", { class: "mention", href: `#${id}` }, `#${channel.name}`);
}

export function groupMention(id, label) {
  const group = store.usergroups.find((each) => each.id === id);
  return h("span", { class: "mention" }, `@${(group?.handle ?? label ?? id).replace(/^@/, "")}`);
}

function fence(code) {
  return h("pre", {}, unescape(code.replace(/<(https?:[^|>]+)(?:\|[^>]*)?>/g, "$1").replace(/^\n/, "").replace(/\n$/, "")));
}

function lines(text, afterFence) {
  const body = (afterFence ? text.replace(/^\n/, "") : text).replace(/\n$/, "");
  if (body === "") return [];
  const groups = [];
  let rest = false;
  for (const line of body.split("\n")) {
    const quote = line.match(/^(?:&gt;|>)((?:&gt;|>){2})? ?/);
    rest ||= Boolean(quote?.[1]); // >>> quotes everything that follows
    const quoted = rest || Boolean(quote);
    const words = quote ? line.slice(quote[0].length) : line;
    if (groups.at(-1)?.quoted === quoted) groups.at(-1).lines.push(words);
    else groups.push({ quoted, lines: [words] });
  }
  return groups.map((group) => h(group.quoted ? "blockquote" : "div", { class: "lines" }, inline(group.lines.join("\n"))));
}

/** Nodes of running text. Bold, italic and strike nest; code and links do not. */
function inline(text) {
  const nodes = [];
  let words = "";
  const flush = () => {
    nodes.push(withSymbols(unescape(words)));
    words = "";
  };
  for (let at = 0; at < text.length; ) {
    const found = special(text, at);
    if (found) {
      flush();
      nodes.push(found.node);
      at = found.end;
    } else {
      words += text[at];
      at += 1;
    }
  }
  flush();
  return nodes;
}

/** The marked-up piece that begins at `at`, as {node, end}, or null. */
function special(text, at) {
  const character = text[at];
  if (character === "<") return bracket(text, at);
  if (character === "`") return code(text, at);
  if (character === ":") return shortcode(text, at);
  if (character in PAIRS) return emphasis(text, at);
  if (character === "h" && (at === 0 || !WORD.test(text[at - 1]))) return bareUrl(text, at);
  return null;
}

function bracket(text, at) {
  const match = text.slice(at).match(/^<([@#!][^<>\n]+|[a-z][a-z0-9+.-]*:[^<>\n]+)>/i);
  return match && { node: reference(match[1]), end: at + match[0].length };
}

function code(text, at) {
  const match = text.slice(at).match(/^`([^`\n]+)`/);
  return match && { node: h("code", {}, unescape(match[1].replace(/<(https?:[^|>]+)(?:\|[^>]*)?>/g, "$1"))), end: at + match[0].length };
}

function shortcode(text, at) {
  const match = text.slice(at).match(/^:[a-z0-9_+-]+:/);
  const node = match && emoji(match[0]);
  return node ? { node, end: at + match[0].length } : null;
}

function bareUrl(text, at) {
  const match = text.slice(at).match(/^https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)'"*_~]/);
  if (!match) return null;
  const url = unescape(match[0]);
  return { node: link(url, url), end: at + match[0].length };
}

function emphasis(text, at) {
  const mark = text[at];
  const before = text[at - 1] ?? " ";
  const after = text[at + 1] ?? " ";
  if (WORD.test(before) || /\s/.test(after) || after === mark) return null;
  const end = closing(text, at + 1, mark);
  return end > 0 ? { node: h(PAIRS[mark], {}, inline(text.slice(at + 1, end))), end: end + 1 } : null;
}

function closing(text, from, mark) {
  for (let at = from; at < text.length && text[at] !== "\n"; at += 1) {
    const skipped = text[at] === "`" ? code(text, at) : text[at] === "<" ? bracket(text, at) : null;
    if (skipped) at = skipped.end - 1;
    else if (text[at] === mark && !/\s/.test(text[at - 1]) && !WORD.test(text[at + 1] ?? " ")) return at;
  }
  return -1;
}

function reference(body) {
  const [target, label] = split(body, "|");
  if (target.startsWith("@")) return mention(target.slice(1));
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!subteam^")) return groupMention(target.slice(9), label);
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${label ?? target.slice(1)}`);
  const url = unescape(target);
  return safeUrl(url) ? link(url, label === undefined ? url : inline(label)) : h("span", {}, unescape(label ?? target));
}

function split(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** <!date^seconds^format^link|fallback>, in the reader's own time zone. */
function date(target, fallback) {
  const [, seconds, format = "", url] = target.split("^");
  const when = new Date(Number(seconds) * 1000);
  if (!seconds || Number.isNaN(when.getTime())) return h("span", {}, unescape(fallback ?? target));
  const words = unescape(format).replace(/\{(\w+)\}/g, (all, token) => dateToken(when, token) ?? all);
  const node = h("time", { datetime: when.toISOString(), title: when.toLocaleString() }, words);
  return url ? link(unescape(url), node) : node;
}

function dateToken(when, token) {
  const day = (options) => when.toLocaleDateString([], options);
  const time = (options) => when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false, ...options });
  const tokens = {
    date_num: () => when.toISOString().slice(0, 10),
    date: () => day({ dateStyle: "long" }),
    date_slash: () => day({}),
    date_short: () => day({ dateStyle: "medium" }),
    date_long: () => day({ dateStyle: "full" }),
    time: () => time({}),
    time_secs: () => time({ second: "2-digit" }),
    ago: () => ago(when),
  };
  return (token.endsWith("_pretty") && nearDay(when)) || tokens[token.replace("_pretty", "")]?.();
}

/** "today", "yesterday", "tomorrow", or nothing. */
function nearDay(when) {
  const days = Math.round((new Date(when.toDateString()) - new Date(new Date().toDateString())) / 86400000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}

function ago(when) {
  const minutes = Math.round((when.getTime() - Date.now()) / 60000);
  const words = new Intl.RelativeTimeFormat([], { numeric: "auto" });
  if (Math.abs(minutes) < 60) return words.format(minutes, "minute");
  if (Math.abs(minutes) < 60 * 36) return words.format(Math.round(minutes / 60), "hour");
  return words.format(Math.round(minutes / 1440), "day");
}

export function unescape(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}
