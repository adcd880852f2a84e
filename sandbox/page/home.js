/** The app's Home, as the person who acts sees it. */

import { get } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { Scope } from "./scope.js";
import { on, store } from "./store.js";

export class Home {
  constructor() {
    this.body = h("div", { class: "home-body" });
    this.element = h("section", { class: "home", "data-testid": "home", "aria-label": "Home of the app", tabindex: "0" }, this.body);
    this.failure = null;
    on("home", (view) => store.place === "home" && this.draw(view));
    on("synced", () => store.place === "home" && this.load());
  }

  async load() {
    const as = store.me;
    if (this.shownTo !== as) this.body.replaceChildren(h("p", { class: "empty" }, "Asking the app for its Home…"));
    this.shownTo = as;
    try {
      const { view } = await get("home", { as });
      if (as === store.me) this.draw(view);
    } catch (error) {
      this.body.replaceChildren(h("p", { class: "empty", role: "alert" }, `The Home cannot be shown: ${error.message}.`));
    }
  }

  draw(view) {
    if (!view) {
      this.body.replaceChildren(h("p", { class: "empty" }, `${store.bot.name} has not published a Home for you.`));
      return;
    }
    if (this.scope?.place.view_id !== view.id || this.scope?.person !== store.me) {
      this.scope = new Scope({ view_id: view.id }, (words) => this.fail(words));
      this.scope.person = store.me;
    }
    this.view = view;
    this.body.replaceChildren(...renderBlocks(view.blocks, this.scope));
  }

  fail(words) {
    this.draw(this.view);
    this.body.prepend(h("div", { class: "failure", role: "alert" }, words));
  }
}
