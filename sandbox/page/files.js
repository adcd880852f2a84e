/** Files under a message: a card with a link, and the beginning of text files. */

import { h, ownUrl } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_LINES = 8;

export function fileCard(file) {
  const href = ownUrl(file.url);
  const name = file.title || file.name;
  const title = href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, name) : h("span", {}, name);
  const about = [file.title && file.title !== file.name ? file.name : null, size(file.size)].filter(Boolean).join(" · ");
  const head = h("div", { class: "file-head" }, icon("file"), h("div", {}, h("div", { class: "file-name" }, title), h("div", { class: "hint" }, about)));
  return h("div", { class: "file", "data-testid": "file" }, head, picture(file, href), preview(file));
}

function picture(file, href) {
  const local = href && new URL(href).origin === location.origin;
  return local && /^image\/(png|jpeg|gif|webp)$/.test(file.mimetype ?? "") && h("img", { class: "full", src: href, alt: file.title || file.name });
}

function preview(file) {
  if (!file.preview) return null;
  const lines = file.preview.replace(/\n$/, "").split("\n");
  const text = h("pre", { tabindex: "0" }, lines.slice(0, SHOWN_LINES).join("\n"));
  if (lines.length <= SHOWN_LINES) return text;
  const more = (open) => (open ? "Show less" : `Show ${lines.length - SHOWN_LINES} more lines`);
  const button = h("button", { type: "button", class: "text-button", "aria-expanded": "false" }, more(false));
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    button.textContent = more(open);
    text.textContent = (open ? lines : lines.slice(0, SHOWN_LINES)).join("\n");
  });
  return h("div", {}, text, button);
}

function size(bytes) {
  if (!Number.isFinite(bytes)) return "";
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
