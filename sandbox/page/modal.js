/** The modal that the app has opened for the person who acts. */

import { post } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { openDialog } from "./dialog.js";
import { h, isBusy, newId, whileBusy } from "./dom.js";
import { icon } from "./icons.js";
import { plain, wordsOf } from "./mrkdwn.js";
import { inSentence, Scope } from "./scope.js";
import { on, store } from "./store.js";

/** The open modal: {person, view, scope, errors, failure, dialog, close}. */
let open = null;
/** person -> {view, scope} of the modal that was open when somebody else took over the page. */
const left = new Map();

export function watchViews() {
  on("view", (view) => show(view));
  on("person", takeOver);
}

/** Each person has a modal of their own: it waits, with what was typed, until they are back. */
function takeOver() {
  if (open) left.set(open.person, { view: open.view, scope: open.scope });
  drop();
  const mine = left.get(store.me);
  left.delete(store.me);
  if (mine) show(mine.view, mine.scope);
}

function show(view, kept = null) {
  if (!view || view.type !== "modal") return drop();
  const same = open?.view.id === view.id;
  const scope = (same ? open.scope : kept) ?? new Scope({ view_id: view.id }, (words) => fail(words));
  if (!open) open = openDialog({ class: "dialog modal", "data-testid": "modal" }, [], dismiss);
  Object.assign(open, { person: store.me, view, scope, errors: {}, failure: null });
  draw(!same);
  return undefined;
}

function drop() {
  open?.close();
  open = null;
}

function draw(moveFocus) {
  const { dialog, view, scope, errors } = open;
  const focused = dialog.contains(document.activeElement) ? document.activeElement.closest("[data-block-id]")?.dataset.blockId : null;
  const title = h("h2", { id: newId("modal-title") }, plain(view.title?.text));
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: dismiss }, icon("close"));
  const failure = h("div", { class: "failure", role: "alert", hidden: !open.failure }, icon("alert"), open.failure ?? "");
  const form = h("form", { class: "dialog-form", novalidate: true, onsubmit: submit, onkeydown: submitByKey }, h("header", {}, title, close), h("div", { class: "dialog-body" }, failure, renderBlocks(view.blocks, scope, errors)), footer(view));
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.dataset.viewId = view.id;
  dialog.replaceChildren(form);
  const block = Object.keys(errors)[0] ?? (moveFocus ? null : focused);
  focusIn(form, block);
}

function footer(view) {
  const submits = view.submit && h("button", { type: "submit", class: "button primary", "data-testid": "modal-submit" }, plain(view.submit.text));
  return h("footer", {}, h("button", { type: "button", class: "button plain", "data-testid": "modal-close", onclick: dismiss }, wordsOf(view.close) || "Close"), submits);
}

function focusIn(form, block) {
  const inside = block ? form.querySelector(`[data-block-id="${CSS.escape(block)}"]`) : form.querySelector(".dialog-body");
  const target = form.querySelector("[autofocus]:not([data-seen])") ?? inside?.querySelector("input, select, textarea, button");
  target?.setAttribute("data-seen", "");
  (target ?? form.querySelector("button[type=submit]") ?? form.querySelector("button")).focus();
}

function fail(words) {
  if (!open) return;
  open.failure = words;
  draw(false);
}

async function dismiss() {
  const { view } = open;
  drop();
  await post("close", { as: store.me, view_id: view.id });
}

function submitByKey(event) {
  if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) event.currentTarget.requestSubmit();
}

async function submit(event) {
  event.preventDefault();
  const button = event.currentTarget.querySelector("button[type=submit]");
  if (!button || isBusy(button)) return;
  const { view, scope } = open;
  const missing = incomplete(view, scope);
  if (Object.keys(missing).length > 0) return refuse(missing);
  const values = scope.valuesOf(view.blocks);
  const answer = await whileBusy(button, () => post("submit", { as: store.me, view_id: view.id, values }));
  if (open?.view.id !== view.id) return; // the app has put another view there meanwhile
  if (answer.errors && Object.keys(answer.errors).length > 0) refuse(answer.errors);
  else if (!answer.ok) fail(inSentence(answer.error));
  else show(answer.view ?? null);
}

function refuse(errors) {
  open.errors = errors;
  open.failure = null;
  draw(false);
}

/** What Slack's own client refuses before it asks the app: required fields that are empty, text that is too short. */
function incomplete(view, scope) {
  const errors = {};
  for (const block of view.blocks) {
    if (block.type !== "input") continue;
    const entry = scope.values[block.block_id]?.[block.element?.action_id] ?? {};
    const value = Object.entries(entry).find(([key]) => key !== "type")?.[1];
    const empty = value === null || value === undefined || value.length === 0;
    if (empty && !block.optional) errors[block.block_id] = "Please complete this required field.";
    else if (!empty && value.length < (block.element.min_length ?? 0)) errors[block.block_id] = `Please enter at least ${block.element.min_length} characters.`;
  }
  return errors;
}
