/**
 * Builds elements. Nothing on this page uses innerHTML: what others wrote only ever becomes text nodes
 * and attributes that were chosen here.
 */

const SVG = "http://www.w3.org/2000/svg";

/** h("button", {class: "quiet", onclick: press}, "Press") makes an element; strings among the children become text. */
export function h(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same for SVG: s("path", {d: "M0 0h4"}). */
export function s(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function") element.addEventListener(name.slice(2), value);
  else if (name === "style") Object.entries(value).forEach(([key, entry]) => element.style.setProperty(key, entry));
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** The URL when it is absolute http(s), else null: no other scheme is ever linked. */
export function safeUrl(text) {
  if (typeof text !== "string" || !/^https?:\/\//i.test(text.trim())) return null;
  try {
    return new URL(text.trim()).href;
  } catch {
    return null; // malformed: shown as text by the caller
  }
}

/** The address of something that the server itself serves: as safeUrl, or a path of this server. */
export function ownUrl(text) {
  return /^\/(?!\/)/.test(text ?? "") ? safeUrl(location.origin + text) : safeUrl(text);
}

/** A link that leaves the page, or the label alone when the address may not be linked. */
export function link(url, ...label) {
  const href = safeUrl(url);
  if (!href) return h("span", {}, ...label);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...label);
}

/** Fresh ids for labels and descriptions. */
let ids = 0;
export function newId(prefix) {
  ids += 1;
  return `${prefix}-${ids}`;
}

/** Runs `work()` and shows on `control` that it is under way; the control keeps its size and the focus. Gives what `work` gives. */
export async function whileBusy(control, work) {
  control.setAttribute("aria-busy", "true");
  control.setAttribute("aria-disabled", "true");
  try {
    return await work();
  } finally {
    control.removeAttribute("aria-busy");
    control.removeAttribute("aria-disabled");
  }
}

export function isBusy(control) {
  return control.getAttribute("aria-busy") === "true";
}
