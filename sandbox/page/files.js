/** Files under a message: a card with a link, and the beginning of text files. */

import { h, ownUrl, whileBusy } from "./dom.js";
import { icon } from "./icons.js";

const MOST = 100_000; // characters of a file shown in place

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

/** The lines that came with the message; the rest is asked for when somebody wants it. */
function preview(file) {
  if (!file.preview) return null;
  const beginning = file.preview.replace(/\n$/, "");
  const text = h("pre", { tabindex: "0" }, beginning);
  if (new Blob([file.preview]).size >= (file.size ?? 0)) return text;
  const button = h("button", { type: "button", class: "text-button", "aria-expanded": "false" }, "Show more");
  let whole = null;
  button.addEventListener("click", async () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    whole ??= await whileBusy(button, () => load(file));
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "Show less" : "Show more";
    text.textContent = open ? whole : beginning;
  });
  return h("div", {}, text, button);
}

async function load(file) {
  const response = await fetch(ownUrl(file.url));
  if (!response.ok) return "This file cannot be read any more.";
  const whole = await response.text();
  return whole.length > MOST ? `${whole.slice(0, MOST)}\n…` : whole;
}

function size(bytes) {
  if (!Number.isFinite(bytes)) return "";
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
