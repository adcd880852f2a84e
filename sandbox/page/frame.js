/** The page's frame: sidebar, the place with its header, thread panel; on narrow screens the sidebar is a drawer. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { currentTheme, onTheme, toggleTheme } from "./theme.js";

const narrow = matchMedia("(max-width: 760px)");

export class Frame {
  constructor(sidebar, place, thread, openSwitcher) {
    this.sidebar = sidebar;
    this.menu = h("button", { type: "button", class: "icon-button menu-button", "aria-label": "Channels and people", "aria-controls": "sidebar", "aria-expanded": "false", "data-testid": "menu", onclick: () => this.drawer(true) }, icon("menu"));
    this.heading = h("h1", {});
    this.topic = h("span", { class: "topic" });
    const search = h("button", { type: "button", class: "icon-button", "aria-label": "Go to… (Ctrl+K)", title: "Go to… (Ctrl+K)", onclick: openSwitcher }, icon("search"));
    const head = h("header", { class: "panel-head" }, this.menu, h("div", { class: "titles" }, this.heading, this.topic), search, themeButton());
    this.veil = h("div", { class: "veil", hidden: true, onclick: () => this.closeDrawer() });
    this.element = h("div", { class: "frame" }, sidebar, this.veil, h("main", { class: "place-panel" }, head, place), thread);
    narrow.addEventListener("change", () => this.drawer(false));
    this.drawer(false);
  }

  title(words, topic, isChannel) {
    this.heading.replaceChildren(...[isChannel && icon("hash"), words].filter(Boolean));
    this.topic.textContent = topic ?? "";
  }

  drawer(open) {
    const shown = open && narrow.matches;
    this.sidebar.classList.toggle("open", shown);
    this.sidebar.inert = narrow.matches && !open;
    this.veil.hidden = !shown;
    this.menu.setAttribute("aria-expanded", String(shown));
    if (shown) this.sidebar.querySelector("[aria-current]")?.focus();
  }

  /** Closes the drawer; whether it was open. */
  closeDrawer() {
    const open = this.sidebar.classList.contains("open");
    if (open) {
      this.drawer(false);
      this.menu.focus();
    }
    return open;
  }
}

function themeButton() {
  const button = h("button", { type: "button", class: "icon-button", "data-testid": "theme", onclick: toggleTheme });
  onTheme(() => {
    const other = currentTheme() === "dark" ? "light" : "dark";
    button.replaceChildren(icon(other === "dark" ? "moon" : "sun"));
    button.setAttribute("aria-label", `Turn to the ${other} theme`);
    button.title = `Turn to the ${other} theme`;
  });
  return button;
}
