/** Block Kit as DOM nodes. A block or element that this page does not draw shows as a notice, never as nothing. */

import { control, isStateful } from "./controls.js";
import { h, newId, safeUrl } from "./dom.js";
import { markdown } from "./markdown.js";
import { plain, textOf, wordsOf } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { undrawn } from "./undrawn.js";

/**
 * The nodes of `blocks`. `scope` (scope.js) takes what people do to the elements; `errors` are a modal's, by block_id.
 */
export function renderBlocks(blocks, scope, errors = {}) {
  return (blocks ?? []).map((block) => renderBlock(block, scope, errors));
}

function renderBlock(block, scope, errors) {
  const make = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : unknownBlock;
  const node = make(block, scope, errors);
  node.classList.add("block");
  node.dataset.block = block.type;
  if (block.block_id) node.dataset.blockId = block.block_id;
  return node;
}

const BLOCKS = {
  header: (block) => h("h3", { class: "header" }, plain(block.text?.text, block.text?.emoji !== false)),
  divider: () => h("hr"),
  section,
  context,
  actions: (block, scope) => h("div", { class: "actions" }, (block.elements ?? []).map((element) => control(element, block, scope))),
  image,
  rich_text: (block) => h("div", {}, richText(block.elements)),
  table,
  data_table: dataTable,
  container,
  alert: (block) => h("div", { class: `alert ${block.level ?? "default"}`, role: "note" }, textOf(block.text)),
  markdown: (block) => h("div", {}, markdown(block.text)),
  input,
};

function section(block, scope) {
  const fields = block.fields && h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "field" }, textOf(field))));
  const words = h("div", { class: "words" }, textOf(block.text), fields);
  if (!block.accessory) return h("div", { class: "section" }, words);
  const side = block.accessory.type === "image" ? picture(block.accessory, "thumb") : control(block.accessory, block, scope);
  return h("div", { class: "section with-accessory" }, words, h("div", { class: "accessory" }, side));
}

function context(block) {
  const part = (element) => (element.type === "image" ? picture(element, "tiny") : h("div", {}, textOf(element)));
  return h("div", { class: "context" }, (block.elements ?? []).map(part));
}

function image(block) {
  const title = block.title && h("figcaption", {}, plain(block.title.text));
  return h("figure", { class: "image" }, title, picture(block, "full"));
}

/** Pictures of this server are shown; others are named, since the page fetches nothing from elsewhere. */
function picture(element, size) {
  const href = safeUrl(element.image_url ?? element.slack_file?.url);
  const alt = element.alt_text ?? "";
  if (href && new URL(href).origin === location.origin) return h("img", { class: size, src: href, alt, loading: "lazy" });
  const label = h("span", { class: `elsewhere ${size}`, title: alt }, size === "full" ? `Picture: ${alt || "no description"}` : initials(alt));
  return href && size === "full" ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, label) : label;
}

function initials(words) {
  return words.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => word[0].toUpperCase()).join("") || "?";
}

function table(block) {
  const settings = block.column_settings ?? [];
  const [head, ...body] = block.rows ?? [];
  const row = (tag, entries) => h("tr", {}, (entries ?? []).map((entry, column) => h(tag, { class: columnClass(settings[column]), scope: tag === "th" ? "col" : null }, cell(entry))));
  const rows = h("tbody", {}, body.map((entries) => row("td", entries)));
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" }, h("table", {}, h("thead", {}, row("th", head)), rows));
}

/** Pages and sorting are Slack's: here all rows stand below each other. */
function dataTable(block) {
  const node = table(block);
  node.setAttribute("aria-label", block.caption ?? "Table");
  return node;
}

function container(block, scope, errors) {
  const title = h("summary", {}, block.rich_text_title ? richText(block.rich_text_title.elements) : plain(block.title?.text));
  const open = !(block.is_collapsible && block.default_collapsed);
  return h("details", { class: "container", open }, title, renderBlocks(block.child_blocks, scope, errors));
}

function columnClass(setting) {
  return `align-${["center", "right"].includes(setting?.align) ? setting.align : "left"} ${setting?.is_wrapped ? "wraps" : "stays"}`;
}

function cell(entry) {
  if (entry?.type === "raw_text") return plain(entry.text, false);
  if (entry?.type === "raw_number") return plain(entry.text ?? String(entry.value ?? ""), false);
  if (entry?.type === "rich_text") return richText(entry.elements);
  return undrawn("cell", entry);
}

/** An input of a modal: label, control, hint, and the error under it. */
function input(block, scope, errors) {
  const label = newId("label");
  const hint = block.hint && h("div", { class: "hint", id: newId("hint") }, textOf(block.hint));
  const words = errors[block.block_id];
  const error = words && h("div", { class: "error", id: newId("error"), role: "alert" }, words);
  const described = [hint?.id, error?.id].filter(Boolean).join(" ") || null;
  const part = control(block.element ?? {}, block, scope, { labelledby: label, describedby: described, invalid: Boolean(error), required: !block.optional });
  const target = isStateful(block.element?.type) ? part.id : null;
  const optional = block.optional && h("span", { class: "optional" }, " (optional)");
  return h("div", { class: error ? "input invalid" : "input" }, h("label", { id: label, for: target }, wordsOf(block.label), optional), part, hint, error);
}

function unknownBlock(block) {
  return undrawn("block", block);
}
