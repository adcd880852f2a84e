/** What people put into the elements of one message or view, and where their clicks go. */

import { post } from "./api.js";
import { store } from "./store.js";

/** Says how an element's state is written in `state.values`, by its type. */
const STATE_KEYS = {
  plain_text_input: "value",
  number_input: "value",
  email_text_input: "value",
  url_text_input: "value",
  static_select: "selected_option",
  radio_buttons: "selected_option",
  checkboxes: "selected_options",
  multi_static_select: "selected_options",
  users_select: "selected_user",
  multi_users_select: "selected_users",
  channels_select: "selected_channel",
  conversations_select: "selected_conversation",
  datepicker: "selected_date",
  timepicker: "selected_time",
};

export function stateKey(type) {
  return STATE_KEYS[type];
}

/** What the person reads when something had no effect; a server's sentence stands as it is. */
export function inSentence(error = "unknown_error") {
  return /\s/.test(error) ? error.replace(/([^.!?])$/, "$1.") : `That did not work: ${error}.`;
}

export class Scope {
  /**
   * `place` is {channel, ts} of a message or {view_id} of a view, `failed(words)` shows why a click had no effect.
   * The values outlive a redrawing of the message or view.
   */
  constructor(place, failed) {
    this.place = place;
    this.failed = failed;
    this.values = {};
  }

  /** The state of an element, or what `initial` gives when nobody has touched it yet. */
  recall(block, element, initial) {
    const known = this.values[block.block_id]?.[element.action_id];
    if (known?.type === element.type) return known[stateKey(element.type)];
    this.remember(block, element, initial);
    return initial;
  }

  remember(block, element, value) {
    const actions = (this.values[block.block_id] ??= {});
    actions[element.action_id] = { type: element.type, [stateKey(element.type)]: value };
  }

  /** Tells the app what was pressed or chosen. `detail` is what the action carries: {value: "1"}, {selected_option: ...}. */
  async act(block, element, detail) {
    const answer = await post("act", { as: store.me, ...this.place, block_id: block.block_id, action_id: element.action_id, ...detail });
    if (!answer.ok) this.failed(inSentence(answer.error));
  }

  /** Reports to the app which shortcut of this message was chosen. */
  async useShortcut(callback) {
    const answer = await post("shortcut", { as: store.me, ...this.place, callback_id: callback });
    if (!answer.ok) this.failed(inSentence(answer.error));
  }

  /** Values of the blocks that are on show, for view submission. */
  valuesOf(blocks) {
    const shown = new Set(blocks.map((block) => block.block_id));
    return Object.fromEntries(Object.entries(this.values).filter(([id]) => shown.has(id)));
  }
}
