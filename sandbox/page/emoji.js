/** Emoji by their short names: the ones that say how something stands are drawn, the rest are characters. */

import { h, s } from "./dom.js";
import { DRAWINGS } from "./drawings.js";

const CHARACTERS = {
  white_check_mark: "✅", grey_question: "❔", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑",
  small_blue_diamond: "🔹", rewind: "⏪", twisted_rightwards_arrows: "🔀",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", rocket: "🚀", lock: "🔒", unlock: "🔓", key: "🔑", large_green_circle: "🟢",
  red_circle: "🔴", large_yellow_circle: "🟡", large_orange_circle: "🟠", large_blue_circle: "🔵", large_purple_circle: "🟣",
  white_circle: "⚪", black_circle: "⚫", large_green_square: "🟩", large_red_square: "🟥", large_yellow_square: "🟨", large_blue_square: "🟦",
  rotating_light: "🚨", bell: "🔔", gear: "⚙️", mag: "🔍", package: "📦", hammer: "🔨", hammer_and_wrench: "🛠️", wrench: "🔧",
  information_source: "ℹ️", question: "❓", exclamation: "❗", heavy_plus_sign: "➕", heavy_minus_sign: "➖", arrow_right: "➡️",
  arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️", arrows_counterclockwise: "🔄", repeat: "🔁", fast_forward: "⏩", rewind: "⏪", arrow_forward: "▶️",
  double_vertical_bar: "⏸️", black_square_for_stop: "⏹️", stopwatch: "⏱️", clock1: "🕐", clock3: "🕒", memo: "📝", page_facing_up: "📄",
  bar_chart: "📊", construction: "🚧", vertical_traffic_light: "🚦", shield: "🛡️", wastebasket: "🗑️", computer: "💻", speech_balloon: "💬",
  zap: "⚡", bulb: "💡", twisted_rightwards_arrows: "🔀", checkered_flag: "🏁", tada: "🎉", eyes: "👀", wave: "👋", "+1": "👍", "-1": "👎", 
  fire: "🔥", bug: "🐛", sparkles: "✨", cloud: "☁️", seedling: "🌱", link: "🔗", calendar: "📅", pushpin: "📌", robot_face: "🤖",
  steam_locomotive: "🚂", railway_track: "🛤️", station: "🚉", recycle: "♻️", moneybag: "💰", snowflake: "❄️", raised_hand: "✋", alarm_clock: "⏰", bust_in_silhouette: "👤",
  busts_in_silhouette: "👥", clipboard: "📋", mailbox: "📫", slightly_smiling_face: "🙂", thinking_face: "🤔", heart: "❤️", pray: "🙏",
};

const ALIASES = { thumbsup: "+1", thumbsdown: "-1", stop_sign: "octagonal_sign", pause_button: "double_vertical_bar", stop_button: "black_square_for_stop", green_circle: "large_green_circle", heavy_exclamation_mark: "exclamation" };
const VARIATION = /\uFE0F/g;
const NAMES = new Map(Object.keys(DRAWINGS).filter((name) => CHARACTERS[name]).map((name) => [CHARACTERS[name].replace(VARIATION, ""), name]));
const DRAWN = new RegExp(`(${[...NAMES.keys()].join("|")})\uFE0F?`, "u");

/** The node of ":name:", or null when the name is not known (the text then stands as it is). */
export function emoji(shortcode) {
  const match = /^:([a-z0-9_+-]+):$/.exec(shortcode);
  const name = match && (ALIASES[match[1]] ?? match[1]);
  if (!name) return null;
  if (Object.hasOwn(DRAWINGS, name)) return drawing(name);
  if (!Object.hasOwn(CHARACTERS, name)) return null;
  return h("span", { class: "emoji", role: "img", "aria-label": spoken(name), title: `:${name}:` }, CHARACTERS[name]);
}

/** Text whose emoji characters that have a drawing are drawn. */
export function withSymbols(text) {
  return text.split(DRAWN).map((part) => (NAMES.has(part) ? drawing(NAMES.get(part)) : part));
}

/** Text with its :names: as characters, for places that hold no drawings: the options of a select, labels. */
export function asCharacters(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (all, name) => (Object.hasOwn(CHARACTERS, name) ? CHARACTERS[name] : all));
}

/** Names that begin with `start`, best first, at most `count`: for the composer. */
export function emojiNames(start, count) {
  return Object.keys(CHARACTERS).filter((name) => name.startsWith(start)).slice(0, count);
}

function drawing(name) {
  const picture = s("svg", { class: "emoji drawn", viewBox: "0 0 24 24", role: "img", "aria-label": spoken(name) });
  picture.append(s("title", {}, `:${name}:`), ...DRAWINGS[name].map(([tag, attributes]) => s(tag, attributes)));
  return picture;
}

function spoken(name) {
  return name.replaceAll("_", " ");
}
