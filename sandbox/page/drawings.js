/**
 * Small drawings for the emoji that say how something stands, so that they look the same everywhere, also on machines
 * without an emoji font. Each is a list of shapes in a 24 x 24 box.
 */

const GREEN = "#2c9a63";
const RED = "#d6453a";
const AMBER = "#e3a008";
const ORANGE = "#e07b22";
const BLUE = "#2f7bd0";
const PURPLE = "#8457c2";
const GREY = "#8b9794";
const STEEL = "#5f7480";
const WHITE = "#ffffff";
const BLACK = "#2b3230";
const SAND = "#c89b5c";

const fill = (color, d) => ["path", { d, fill: color }];
const line = (color, d, width = 2.4) => [
  "path",
  { d, fill: "none", stroke: color, "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" },
];
const disc = (color, r = 9.5, cx = 12, cy = 12) => ["circle", { cx, cy, r, fill: color }];
const box = (color, x = 2.5, y = 2.5, width = 19, height = 19, rx = 4) => ["rect", { x, y, width, height, rx, fill: color }];
const ringed = (color) => [disc(GREY), disc(color, 8.5)];
const boxed = (color, d) => [box(color), line(WHITE, d)];
const glass = (sand) => [fill("#dfe9ec", "M6 4h12c0 4-3 6-4.5 8C15 14 18 16 18 20H6c0-4 3-6 4.5-8C9 10 6 8 6 4z"), fill(SAND, sand), line(STEEL, "M5 3.5h14M5 20.5h14", 2.2)];
const padlock = (shackle) => [line(STEEL, shackle), box(AMBER, 4.5, 11, 15, 10, 2.5), disc(BLACK, 1.7, 12, 16)];
const clock = () => [disc(STEEL), disc(WHITE, 7.7), line(BLACK, "M12 7.5V12l3 2", 1.8)];

export const DRAWINGS = {
  white_check_mark: boxed(GREEN, "M7 12.5l3.5 3.5L17 8.5"),
  heavy_check_mark: [line(GREEN, "M4.5 13l5 5L20 6", 3.2)],
  x: [line(RED, "M5.5 5.5l13 13M18.5 5.5l-13 13", 3.6)],
  warning: [fill(AMBER, "M12 2.5c.8 0 1.4.4 1.8 1.1l8 14.2c.8 1.4-.1 3.2-1.8 3.2H4c-1.7 0-2.6-1.8-1.8-3.2l8-14.2c.4-.7 1-1.1 1.8-1.1z"), line(BLACK, "M12 8.5v5.5M12 17.5v.1", 2.3)],
  no_entry: [disc(RED), box(WHITE, 6, 10.2, 12, 3.6, 1)],
  no_entry_sign: [disc(RED), disc(WHITE, 6.5), line(RED, "M6.5 6.5l11 11", 3)],
  octagonal_sign: [fill(RED, "M8 2.5h8l5.5 5.5v8L16 21.5H8L2.5 16V8z"), box(WHITE, 6, 10.3, 12, 3.4, 1)],
  hourglass: glass("M7.5 18.5c.8-2 3-2.8 4.5-4.3 1.5 1.5 3.7 2.3 4.5 4.3z"),
  hourglass_flowing_sand: glass("M8.2 7.5h7.6c-.7 1.8-2.7 3-3.4 4.3v5l3.5 1.7H8.1l3.5-1.7v-5C10.9 10.5 8.9 9.3 8.2 7.5z"),
  rocket: [fill(RED, "M8 13l-4 3.5.5 3.5L9 18.5zM16 13l4 3.5-.5 3.5-4.5-1.5z"), fill("#c9d3d6", "M12 1.5c4 3 5 7.5 4.6 11.5L15 19H9l-1.6-6C7 9 8 4.5 12 1.5z"), disc(BLUE, 2.2, 12, 9), fill(ORANGE, "M10 20h4l-2 3.2z")],
  lock: padlock("M8 11V8a4 4 0 018 0v3"),
  unlock: padlock("M8 11V7.5a4 4 0 017.6-1.7"),
  key: [["circle", { cx: 8, cy: 8, r: 4, fill: "none", stroke: AMBER, "stroke-width": 2.8 }], line(AMBER, "M11 11l8.5 8.5M16 16l2.5-2.5M18.5 18.5l2-2", 2.6)],
  large_green_circle: [disc(GREEN)],
  red_circle: [disc(RED)],
  large_yellow_circle: [disc(AMBER)],
  large_orange_circle: [disc(ORANGE)],
  large_blue_circle: [disc(BLUE)],
  large_purple_circle: [disc(PURPLE)],
  white_circle: ringed(WHITE),
  black_circle: ringed(BLACK),
  large_green_square: [box(GREEN)],
  large_red_square: [box(RED)],
  large_yellow_square: [box(AMBER)],
  large_blue_square: [box(BLUE)],
  rotating_light: [fill(RED, "M6 17v-5a6 6 0 0112 0v5z"), box(STEEL, 3.5, 17, 17, 4, 1.5), line(WHITE, "M9.5 13.5V12A2.5 2.5 0 0112 9.5", 1.6)],
  bell: [fill(AMBER, "M12 3a6 6 0 016 6v5l2 3.5H4L6 14V9a6 6 0 016-6z"), disc(ORANGE, 2, 12, 19.5)],
  gear: [["circle", { cx: 12, cy: 12, r: 7.5, fill: "none", stroke: STEEL, "stroke-width": 4, "stroke-dasharray": "3.4 2.49" }], ["circle", { cx: 12, cy: 12, r: 5, fill: "none", stroke: STEEL, "stroke-width": 3 }]],
  mag: [["circle", { cx: 10, cy: 10, r: 6, fill: "#d9e8f2", stroke: STEEL, "stroke-width": 2.4 }], line(STEEL, "M15 15l6 6", 3)],
  package: [box(SAND, 3, 5, 18, 15, 2), fill("#a87b3f", "M3 9h18v2H3z"), fill("#f0dfc3", "M10 5h4v6h-4z")],
  hammer: [line(SAND, "M5 20L14 11", 3.4), fill(STEEL, "M10 6l4-3.5 7.5 7L18.5 13z")],
  hammer_and_wrench: [line(SAND, "M5 20L14 11", 3.2), fill(STEEL, "M10 6l4-3.5 7 6.5-3 3.5z"), line(GREY, "M19.5 20L5 5.5", 2.6)],
  wrench: [line(STEEL, "M5 19.5L15 9.5", 4), ["circle", { cx: 16.5, cy: 7.5, r: 3.6, fill: "none", stroke: STEEL, "stroke-width": 2.6, "stroke-dasharray": "17 6", "stroke-dashoffset": -1.5 }]],
  information_source: boxed(BLUE, "M12 11v6M12 7.2v.1"),
  question: [line(RED, "M8 8a4 4 0 118 .5c0 2.5-4 3-4 6M12 19v.1", 3)],
  exclamation: [line(RED, "M12 4v10M12 19v.1", 3.6)],
  heavy_plus_sign: [line(GREEN, "M12 5v14M5 12h14", 3.6)],
  heavy_minus_sign: [line(RED, "M5 12h14", 3.6)],
  arrow_right: boxed(BLUE, "M6.5 12h11M13 7.5l4.5 4.5-4.5 4.5"),
  arrow_left: boxed(BLUE, "M17.5 12h-11M11 7.5L6.5 12l4.5 4.5"),
  arrow_up: boxed(BLUE, "M12 17.5v-11M7.5 11L12 6.5l4.5 4.5"),
  arrow_down: boxed(BLUE, "M12 6.5v11M7.5 13l4.5 4.5 4.5-4.5"),
  arrows_counterclockwise: boxed(BLUE, "M17.5 10A6 6 0 007 9M6.5 14A6 6 0 0017 15M7 5.8V9h3M17 18.2V15h-3"),
  repeat: boxed(BLUE, "M6 10.5V9h11l-2.5-2.5M18 13.5V15H7l2.5 2.5"),
  fast_forward: boxed(BLUE, "M6.5 8l5 4-5 4zM12.5 8l5 4-5 4z"),
  arrow_forward: boxed(BLUE, "M9 7.5l7.5 4.5L9 16.5z"),
  double_vertical_bar: boxed(BLUE, "M9.5 8v8M14.5 8v8"),
  black_square_for_stop: boxed(BLUE, "M9 9h6v6H9z"),
  stopwatch: [line(STEEL, "M12 2.5v3M9.5 2.5h5"), disc(STEEL, 8.5, 12, 13.5), disc(WHITE, 6.8, 12, 13.5), line(BLACK, "M12 9.5v4l2.5 1.5", 1.8)],
  clock1: clock(),
  clock3: clock(),
  alarm_clock: [line(RED, "M3.5 6.5L7 3.5M20.5 6.5L17 3.5", 3), disc(RED, 8.8, 12, 13), disc(WHITE, 6.6, 12, 13), line(BLACK, "M12 9v4l2.5 1.5", 1.8)],
  raised_hand: [line(AMBER, "M8 12V5.5M11 11V3.5M14 11V4M17 12V6.5", 2.6), fill(AMBER, "M6.7 10h11.6v5.5a6 6 0 01-6 6.5c-2.5 0-4-1-5.3-3L3.5 14c-.8-1.3 1-2.6 2-1.5l1.2 1.3z")],
  memo: [box("#f3f5f0", 4, 2.5, 14, 19, 2), line(GREY, "M7 7.5h8M7 11h8M7 14.5h4", 1.6), line(ORANGE, "M13 19l7-7", 3)],
  page_facing_up: [box("#f3f5f0", 4.5, 2.5, 15, 19, 2), line(GREY, "M8 7.5h8M8 11h8M8 14.5h8M8 18h5", 1.6)],
  bar_chart: [box("#f3f5f0", 2.5, 2.5, 19, 19, 3), line(GREEN, "M7 18v-5", 3), line(BLUE, "M12 18V7", 3), line(RED, "M17 18v-8", 3)],
  construction: [box(AMBER, 2.5, 7, 19, 8, 1.5), line(BLACK, "M7.5 8l-3 6M13.5 8l-3 6M19.5 8l-3 6", 2.4), line(STEEL, "M6 16v5M18 16v5", 2.4)],
  vertical_traffic_light: [box(BLACK, 7, 1.5, 10, 21, 3), disc(RED, 2.5, 12, 6), disc(AMBER, 2.5, 12, 12), disc(GREEN, 2.5, 12, 18)],
  shield: [fill(BLUE, "M12 2.5l8 3v6c0 5-3.5 8.5-8 10-4.5-1.5-8-5-8-10v-6z"), line(WHITE, "M8.5 11.5l2.5 2.5 4.5-5")],
  wastebasket: [fill(GREY, "M5.5 8h13L17 21.5H7z"), line(STEEL, "M4.5 6.5h15M10 4h4", 2.2)],
  computer: [box(STEEL, 3.5, 4, 17, 12, 2), box("#bcd8ee", 5.3, 5.8, 13.4, 8.4, 1), line(STEEL, "M2.5 19.5h19", 2.6)],
  speech_balloon: [fill("#c9d9e3", "M4 3.5h16a2 2 0 012 2v9a2 2 0 01-2 2h-8L7 21v-4.5H4a2 2 0 01-2-2v-9a2 2 0 012-2z"), line(STEEL, "M7 10h.1M12 10h.1M17 10h.1")],
  zap: [fill(AMBER, "M13.5 1.5L4 14h6.5L9 22.5 19.5 9.5H13z")],
  bulb: [fill(AMBER, "M12 2.5a6.5 6.5 0 00-3.5 12V17h7v-2.5a6.5 6.5 0 00-3.5-12z"), line(STEEL, "M9.5 19h5M10.5 21.5h3", 1.8)],
  "+1": [fill(AMBER, "M8.5 11l4-8.5c1.6 0 2.6 1 2.6 2.6V9H20a1.8 1.8 0 011.8 2.1l-1.4 7.8A2 2 0 0118.4 20.5H8.5z"), box(BLUE, 2.5, 10.5, 4.5, 10.5, 1)],
  "-1": [["path", { d: "M8.5 11l4-8.5c1.6 0 2.6 1 2.6 2.6V9H20a1.8 1.8 0 011.8 2.1l-1.4 7.8A2 2 0 0118.4 20.5H8.5zM2.5 10.5H7V21H2.5z", fill: AMBER, transform: "matrix(1 0 0 -1 0 24)" }]],
  eyes: [["ellipse", { cx: 7, cy: 12, rx: 4.5, ry: 7, fill: "#eef2f0", stroke: GREY }], ["ellipse", { cx: 17, cy: 12, rx: 4.5, ry: 7, fill: "#eef2f0", stroke: GREY }], disc(BLACK, 2.4, 6, 14), disc(BLACK, 2.4, 16, 14)],
  tada: [fill(AMBER, "M2.5 21.5L8 8l8 8z"), line(RED, "M12 7c1-1.5.5-3-.5-4", 2), line(BLUE, "M15 10c2-.2 3.5-2 3-4.5", 2), line(GREEN, "M17 13c1.5-1 3-1 4-.5", 2), disc(PURPLE, 1.3, 20, 8), disc(RED, 1.3, 15, 3)],
  fire: [fill(RED, "M12 1.5c1 4 6.5 6.5 6.5 12.5a6.5 6.5 0 01-13 0c0-3 1.5-5 3-6.5.3 1.5 1 2.3 2 2.5C10 7 10.5 4 12 1.5z"), fill(AMBER, "M12 12c2 2 3 3.5 3 5.5a3 3 0 01-6 0c0-2 1.5-3 3-5.5z")],
  checkered_flag: [line(STEEL, "M5 2.5v19"), fill(BLACK, "M6 4h5v4H6zM16 4h5v4h-5zM11 8h5v4h-5zM6 12h5v4H6zM16 12h5v4h-5z"), line(GREY, "M6 4h15v12H6z", 1)],
};
