/** The overflow menu: a button with three dots and a small menu under it. */

import { confirmed } from "./confirm.js";
import { h, isBusy, newId, safeUrl, whileBusy } from "./dom.js";
import { dots } from "./icons.js";
import { textOf } from "./mrkdwn.js";

export function overflow({ element, block, scope }) {
  const menu = h("div", { class: "menu", role: "menu", id: newId("menu"), hidden: true });
  const opener = h("button", { type: "button", class: "button plain dots", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": menu.id }, dots());
  const root = h("div", { class: "overflow" }, opener, menu);
  const show = (open) => {
    menu.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (open) menu.firstElementChild?.focus();
  };
  const choose = async (option) => {
    show(false);
    opener.focus();
    const href = safeUrl(option.url);
    if (href) window.open(href, "_blank", "noopener,noreferrer");
    if (element.confirm && !(await confirmed(element.confirm))) return;
    await whileBusy(opener, () => scope.act(block, element, { selected_option: option }));
  };
  menu.append(...(element.options ?? []).map((option) => item(option, choose)));
  opener.addEventListener("click", () => !isBusy(opener) && show(menu.hidden));
  root.addEventListener("focusout", (event) => !root.contains(event.relatedTarget) && show(false));
  root.addEventListener("keydown", (event) => {
    if (menu.hidden) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      show(false);
      opener.focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event, menu);
  });
  return root;
}

function item(option, choose) {
  const more = option.description && h("span", { class: "hint" }, textOf(option.description));
  return h("button", { type: "button", role: "menuitem", tabindex: "-1", onclick: () => choose(option) }, textOf(option.text), more);
}

function step(event, menu) {
  event.preventDefault();
  const items = [...menu.children];
  const at = items.indexOf(document.activeElement);
  items.at((at + (event.key === "ArrowDown" ? 1 : -1)) % items.length).focus();
}
