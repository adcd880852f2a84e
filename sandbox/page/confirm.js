/** The question that some buttons ask before they act. */

import { openDialog } from "./dialog.js";
import { h, newId } from "./dom.js";
import { textOf, wordsOf } from "./mrkdwn.js";

/** Asks what `confirm` (Block Kit's confirmation object) says; resolves to whether the person agreed. */
export function confirmed(confirm) {
  return new Promise((resolve) => {
    const finish = (answer) => {
      opened.close();
      resolve(answer);
    };
    const danger = confirm.style === "danger";
    const title = h("h2", { id: newId("confirm-title") }, textOf(confirm.title));
    const body = h("div", { class: "dialog-body", id: newId("confirm-text") }, textOf(confirm.text));
    const choose = (answer, kind, testid, words) => h("button", { type: "button", class: `button ${kind}`, "data-testid": testid, onclick: () => finish(answer) }, words);
    const deny = choose(false, "plain", "confirm-cancel", wordsOf(confirm.deny) || "Cancel");
    const agree = choose(true, danger ? "danger" : "primary", "confirm-ok", wordsOf(confirm.confirm) || "Yes");
    const attributes = { class: "dialog confirm", "data-testid": "confirm", role: "alertdialog", "aria-labelledby": title.id, "aria-describedby": body.id };
    const opened = openDialog(attributes, [h("header", {}, title), body, h("footer", {}, deny, agree)], () => finish(false));
    (danger ? deny : agree).focus();
  });
}
