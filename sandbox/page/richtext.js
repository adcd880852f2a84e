/** Slack's rich_text blocks as DOM nodes: sections, lists, preformatted text and quotes. */

import { h, link, safeUrl } from "./dom.js";
import { emoji, withSymbols } from "./emoji.js";
import { channelMention, groupMention, mention } from "./mrkdwn.js";

/** The nodes of a rich_text block's `elements`. */
export function richText(elements) {
  return h("div", { class: "rich" }, (elements ?? []).map(part));
}

function part(element) {
  const inner = () => (element.elements ?? []).map(run);
  if (element.type === "rich_text_section") return h("div", { class: "lines" }, inner());
  if (element.type === "rich_text_preformatted") return h("pre", {}, (element.elements ?? []).map((each) => each.text ?? each.url ?? ""));
  if (element.type === "rich_text_quote") return h("blockquote", { class: "lines" }, inner());
  if (element.type === "rich_text_list") return list(element);
  return unknown(element);
}

function list(element) {
  const indent = `indent-${Math.min(Number(element.indent) || 0, 8)}`;
  const items = (element.elements ?? []).map((item) => h("li", { class: "lines" }, (item.elements ?? []).map(run)));
  if (element.style !== "ordered") return h("ul", { class: indent }, items);
  return h("ol", { class: indent, start: (Number(element.offset) || 0) + 1 }, items);
}

function run(element) {
  const make = RUNS[element.type];
  return styled(make ? make(element) : unknown(element), element.style ?? {});
}

const RUNS = {
  text: (element) => withSymbols(String(element.text ?? "")),
  link: (element) => (safeUrl(element.url) ? link(element.url, element.text || element.url) : String(element.text || element.url || "")),
  emoji: (element) => emoji(`:${element.name}:`) ?? `:${element.name}:`,
  user: (element) => mention(element.user_id),
  channel: (element) => channelMention(element.channel_id),
  usergroup: (element) => groupMention(element.usergroup_id),
  broadcast: (element) => h("span", { class: "mention" }, `@${element.range}`),
  color: (element) => h("code", {}, String(element.value)),
  date: (element) => h("time", {}, element.fallback || new Date(Number(element.timestamp) * 1000).toLocaleString()),
};

function styled(node, style) {
  const tags = { code: "code", bold: "strong", italic: "em", strike: "s" };
  const chosen = Object.keys(tags).filter((name) => style[name]);
  return chosen.reduce((inside, name) => h(tags[name], {}, inside), node);
}

function unknown(element) {
  return h("span", { class: "unknown", "data-testid": "unknown" }, `[${element.type}: not drawn on this page]`);
}
