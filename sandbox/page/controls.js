/** The interactive elements of Block Kit: buttons, selects, overflow menus, check boxes, radio buttons, dates, text. */

import { confirmed } from "./confirm.js";
import { h, isBusy, newId, safeUrl, whileBusy } from "./dom.js";
import { icon } from "./icons.js";
import { plain, textOf, wordsOf } from "./mrkdwn.js";
import { overflow } from "./overflow.js";
import { stateKey } from "./scope.js";
import { store } from "./store.js";
import { undrawn } from "./undrawn.js";

/** Whether elements of this type carry a label's focus and a state. */
export function isStateful(type) {
  return stateKey(type) !== undefined;
}

/**
 * The control of `element` inside `block`. `about` holds what an input block says: {labelledby, describedby, invalid, required}.
 */
export function control(element, block, scope, about = {}) {
  const make = Object.hasOwn(CONTROLS, element.type) ? CONTROLS[element.type] : null;
  if (!make) return undrawn("element", element);
  const dispatches = block.type !== "input" || block.dispatch_action;
  const node = make({ element, block, scope, about, dispatches });
  if (element.action_id) node.dataset.actionId = element.action_id;
  return node;
}

const CONTROLS = {
  button,
  overflow,
  static_select: (of) => select(of, optionGroups(of.element), (option) => ({ selected_option: option })),
  users_select: (of) => select(of, [{ options: peopleOptions() }], (option) => ({ selected_user: option?.value ?? null })),
  channels_select: (of) => select(of, [{ options: channelOptions() }], (option) => ({ selected_channel: option?.value ?? null })),
  conversations_select: (of) => select(of, [{ options: channelOptions() }], (option) => ({ selected_conversation: option?.value ?? null })),
  multi_static_select: (of) => choices(of, "checkbox", optionGroups(of.element).flatMap((group) => group.options)),
  checkboxes: (of) => choices(of, "checkbox", of.element.options ?? []),
  radio_buttons: (of) => choices(of, "radio", of.element.options ?? []),
  datepicker: (of) => field(of, h("input", { type: "date" }), "initial_date"),
  timepicker: (of) => field(of, h("input", { type: "time" }), "initial_time"),
  number_input: (of) => field(of, h("input", { type: "text", inputmode: "decimal" }), "initial_value"),
  email_text_input: (of) => field(of, h("input", { type: "email" }), "initial_value"),
  url_text_input: (of) => field(of, h("input", { type: "url" }), "initial_value"),
  plain_text_input: (of) => field(of, of.element.multiline ? h("textarea", { rows: 4 }) : h("input", { type: "text", autocomplete: "off" }), "initial_value"),
};

function button({ element, block, scope }) {
  const style = ["primary", "danger"].includes(element.style) ? element.style : "plain";
  const href = safeUrl(element.url);
  const label = element.accessibility_label ?? null;
  const press = async (event) => {
    if (isBusy(node)) return event.preventDefault();
    if (element.confirm && !href && !(await confirmed(element.confirm))) return undefined;
    return whileBusy(node, () => scope.act(block, element, element.value === undefined ? {} : { value: element.value }));
  };
  const attributes = { class: `button ${style}`, "aria-label": label, onclick: press };
  const words = h("span", { class: "button-words" }, plain(element.text?.text, element.text?.emoji !== false));
  const node = href
    ? h("a", { ...attributes, href, target: "_blank", rel: "noopener noreferrer" }, words, icon("outward"))
    : h("button", { ...attributes, type: "button" }, words);
  return node;
}

function optionGroups(element) {
  if (!element.option_groups) return [{ options: element.options ?? [] }];
  return element.option_groups.map((group) => ({ label: wordsOf(group.label), options: group.options ?? [] }));
}

function peopleOptions() {
  return store.people.map((person) => ({ text: { type: "plain_text", text: person.real_name || person.name }, value: person.id }));
}

function channelOptions() {
  return store.channels.map((channel) => ({ text: { type: "plain_text", text: `#${channel.name}` }, value: channel.id }));
}

/** A native select; `detailOf` turns the chosen option into the state that goes to the app. */
function select(of, groups, detailOf) {
  const { element, block, scope } = of;
  const key = stateKey(element.type);
  const options = groups.flatMap((group) => group.options);
  const initial = element[key.replace("selected", "initial")] ?? null;
  let current = scope.recall(block, element, initial);
  const valueOf = (state) => (state && typeof state === "object" ? state.value : state) ?? "";
  const node = h("select", described(of), h("option", { value: "", disabled: !block.optional }, wordsOf(element.placeholder) || "Choose…"), groups.map(optionNodes));
  node.value = valueOf(current);
  node.addEventListener("change", async () => {
    const detail = detailOf(options.find((option) => option.value === node.value) ?? null);
    if (element.confirm && !(await confirmed(element.confirm))) {
      node.value = valueOf(current);
      return;
    }
    current = detail[key];
    scope.remember(block, element, current);
    if (of.dispatches) await whileBusy(node, () => scope.act(block, element, detail));
  });
  return node;
}

function optionNodes(group) {
  const nodes = group.options.map((option) => h("option", { value: option.value }, wordsOf(option.text)));
  return group.label ? h("optgroup", { label: group.label }, nodes) : nodes;
}

/** Check boxes or radio buttons in a group. */
function choices(of, type, options) {
  const { element, block, scope, about } = of;
  const key = stateKey(element.type);
  const many = key === "selected_options";
  const chosen = new Set([scope.recall(block, element, element[many ? "initial_options" : "initial_option"] ?? (many ? [] : null))].flat().map((option) => option?.value));
  const name = newId("choice");
  const group = h("div", { class: "choices", role: type === "radio" ? "radiogroup" : "group", id: newId("control"), "aria-labelledby": about.labelledby, "aria-describedby": about.describedby });
  const changed = async () => {
    const picked = options.filter((option, index) => group.querySelectorAll("input")[index].checked);
    const detail = { [key]: many ? picked : (picked[0] ?? null) };
    scope.remember(block, element, detail[key]);
    if (of.dispatches) await whileBusy(group, () => scope.act(block, element, detail));
  };
  const choice = (option) => {
    const box = h("input", { type, name, value: option.value, checked: chosen.has(option.value), onchange: changed });
    const more = option.description && h("span", { class: "hint" }, textOf(option.description));
    return h("label", { class: "choice" }, box, h("span", {}, textOf(option.text), more));
  };
  group.append(...options.map(choice));
  return group;
}

/** A text, date or time field. Inside messages and dispatching inputs, Enter or leaving a changed field tells the app. */
function field(of, node, initialKey) {
  const { element, block, scope } = of;
  const key = stateKey(element.type);
  const read = () => node.value || null;
  for (const [name, value] of Object.entries(described(of))) if (value !== null && value !== false) node.setAttribute(name, value);
  if (element.placeholder) node.placeholder = wordsOf(element.placeholder);
  if (element.max_length) node.maxLength = element.max_length;
  if (element.focus_on_load) node.setAttribute("autofocus", "");
  node.value = scope.recall(block, element, element[initialKey] ?? null) ?? "";
  node.addEventListener("input", () => scope.remember(block, element, read()));
  if (of.dispatches) node.addEventListener("change", () => whileBusy(node, () => scope.act(block, element, { [key]: read() })));
  return node;
}

function described({ about, element }) {
  const label = about.labelledby ? null : wordsOf(element.placeholder) || element.action_id || element.type;
  return { class: "field-control", id: newId("control"), "aria-label": label, "aria-labelledby": about.labelledby ?? null, "aria-describedby": about.describedby ?? null, "aria-invalid": about.invalid ? "true" : null, "aria-required": about.required ? "true" : null };
}
