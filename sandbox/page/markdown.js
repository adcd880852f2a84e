/** Standard Markdown, as the `markdown` block carries it: headings, lists, quotes, fences, tables, rules and running text. */

import { h, link, safeUrl } from "./dom.js";
import { emoji, withSymbols } from "./emoji.js";
import { mention } from "./mrkdwn.js";

const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;

/** The nodes of a whole Markdown text. */
export function markdown(text) {
  return h("div", { class: "markdown" }, blocks(String(text ?? "").split("\n")));
}

function blocks(lines) {
  const nodes = [];
  for (let at = 0; at < lines.length; ) {
    const [node, next] = block(lines, at);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

/** The block that begins at line `at`, as [node or null, next line]. */
function block(lines, at) {
  const line = lines[at];
  if (line.trim() === "") return [null, at + 1];
  if (/^\s*```/.test(line)) return fence(lines, at);
  const heading = line.match(/^(#{1,6})\s+(.*?)\s*#*$/);
  if (heading) return [h(`h${Math.min(heading[1].length + 2, 6)}`, {}, running(heading[2])), at + 1];
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) return [h("hr"), at + 1];
  if (line.startsWith(">")) return quote(lines, at);
  if (ITEM.test(line)) return list(lines, at);
  if (line.includes("|") && /^\s*\|?[\s:|-]*-[\s:|-]*$/.test(lines[at + 1] ?? "")) return table(lines, at);
  return paragraph(lines, at);
}

function fence(lines, at) {
  let end = at + 1;
  while (end < lines.length && !/^\s*```\s*$/.test(lines[end])) end += 1;
  return [h("pre", {}, lines.slice(at + 1, end).join("\n")), end + 1];
}

function quote(lines, at) {
  const end = endOf(lines, at, (line) => line.startsWith(">"));
  return [h("blockquote", {}, blocks(lines.slice(at, end).map((line) => line.replace(/^> ?/, "")))), end];
}

function paragraph(lines, at) {
  const end = endOf(lines, at + 1, (line) => line.trim() !== "" && !/^(#{1,6}\s|>|\s*```)/.test(line) && !ITEM.test(line));
  return [h("p", {}, running(lines.slice(at, end).join("\n"))), end];
}

function endOf(lines, at, belongs) {
  let end = at;
  while (end < lines.length && belongs(lines[end])) end += 1;
  return end;
}

/** A list and, by their indentation, the lists inside its items. */
function list(lines, at) {
  const depth = ITEM.exec(lines[at])[1].length;
  const ordered = /^\s*\d/.test(lines[at]);
  const items = [];
  let next = at;
  while (next < lines.length) {
    const item = ITEM.exec(lines[next]);
    if (!item || item[1].length < depth) break;
    if (item[1].length > depth && items.length > 0) {
      const [inside, end] = list(lines, next);
      items.at(-1).append(inside);
      next = end;
    } else {
      items.push(listItem(item[3]));
      next += 1;
    }
  }
  const start = ordered ? Number.parseInt(lines[at], 10) : null;
  return [h(ordered ? "ol" : "ul", { start }, items), next];
}

function listItem(text) {
  const task = text.match(/^\[([ xX])\]\s+(.*)$/);
  if (!task) return h("li", {}, running(text));
  const done = task[1] !== " ";
  return h("li", { class: "task" }, h("input", { type: "checkbox", disabled: true, checked: done, "aria-label": done ? "done" : "not done" }), running(task[2]));
}

function table(lines, at) {
  const end = endOf(lines, at + 2, (line) => line.includes("|"));
  const aligns = cells(lines[at + 1]).map((cell) => (/:$/.test(cell) ? (cell.startsWith(":") ? "center" : "right") : "left"));
  const row = (tag, line) => h("tr", {}, cells(line).map((cell, column) => h(tag, { class: `align-${aligns[column] ?? "left"}` }, running(cell))));
  const body = lines.slice(at + 2, end).map((line) => row("td", line));
  return [h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" }, h("table", {}, h("thead", {}, row("th", lines[at])), h("tbody", {}, body))), end];
}

function cells(line) {
  return line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

const RUNS = [
  [/^`([^`\n]+)`/, (match) => h("code", {}, match[1])],
  [/^!?\[([^\]\n]*)\]\(((?:[^()\s]|\([^()\s]*\))+)\)/, (match) => (safeUrl(match[2]) ? link(match[2], running(match[1] || match[2])) : h("span", {}, running(match[1])))],
  [/^<(https?:\/\/[^>\s]+)>/, (match) => link(match[1], match[1])],
  [/^<@(\w+)>/, (match) => mention(match[1])],
  [/^\*\*(?=\S)([^]+?\S|\S)\*\*/, (match) => h("strong", {}, running(match[1]))],
  [/^__(?=\S)([^]+?\S|\S)__/, (match) => h("strong", {}, running(match[1]))],
  [/^~~(?=\S)([^]+?\S|\S)~~/, (match) => h("s", {}, running(match[1]))],
  [/^\*(?=\S)([^*]+?)\*/, (match) => h("em", {}, running(match[1]))],
  [/^_(?=\S)([^_]+?)_(?!\w)/, (match) => h("em", {}, running(match[1]))],
  [/^:[a-z0-9_+-]+:/, (match) => emoji(match[0])],
  [/^https?:\/\/[^\s<>()]+[^\s<>().,;:!?'"]/, (match) => link(match[0], match[0])],
  [/^\\([\\`*_{}[\]()#+\-.!|~>])/, (match) => match[1]],
  [/^&(amp|lt|gt);/, (match) => ({ amp: "&", lt: "<", gt: ">" })[match[1]]],
];

function running(text) {
  const nodes = [];
  let words = "";
  for (let at = 0; at < text.length; ) {
    const found = /[\w]/.test(text[at]) && /\w/.test(text[at - 1] ?? "") ? null : special(text, at);
    if (found) {
      nodes.push(withSymbols(words), found.node);
      words = "";
      at += found.length;
    } else {
      words += text[at];
      at += 1;
    }
  }
  nodes.push(withSymbols(words));
  return nodes;
}

function special(text, at) {
  if (text[at] === "_" && /\w/.test(text[at - 1] ?? "")) return null; // snake_case stays as it is
  const rest = text.slice(at);
  for (const [pattern, make] of RUNS) {
    const match = pattern.exec(rest);
    const node = match && make(match);
    if (node) return { node, length: match[0].length };
  }
  return null;
}
