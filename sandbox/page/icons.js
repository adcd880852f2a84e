/** The line drawings of the page's own controls, and its mark: a semaphore signal. */

import { s } from "./dom.js";

const STROKES = {
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  reply: "M4 5h16v11h-9l-4 4v-4H4z",
  send: "M5 12h13M12 6l6 6-6 6",
  sun: "M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6l1.4 1.4M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4M12 8a4 4 0 100 8 4 4 0 000-8z",
  moon: "M19.5 14.5A8 8 0 019.5 4.5a8 8 0 1010 10z",
  hash: "M9 4L7 20M17 4l-2 16M4.5 9h16M3.5 15h16",
  search: "M10.5 4a6.5 6.5 0 100 13 6.5 6.5 0 000-13zM15.5 15.5L20 20",
  file: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5z",
  down: "M12 5v13M6 12l6 6 6-6",
  outward: "M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9",
  alert: "M12 3.5L2.5 20h19zM12 10v4.5M12 17.2v.3",
};

/** A decorative 24 x 24 line icon; the control around it carries the label. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: STROKES[name] }));
}

/** Three dots, for the overflow menu. */
export function dots() {
  const dot = (x) => s("circle", { cx: x, cy: 12, r: 1.7 });
  return s("svg", { class: "icon filled", viewBox: "0 0 24 24", "aria-hidden": "true" }, dot(5), dot(12), dot(19));
}

/** The mark. The arm is raised while the page is connected, and falls to danger while it is not (style.css). */
export function mark() {
  return s(
    "svg",
    { class: "mark", viewBox: "0 0 32 32", "aria-hidden": "true" },
    s("rect", { class: "plate", x: 0, y: 0, width: 32, height: 32, rx: 8 }),
    s("path", { class: "post", d: "M20 8.5V27M15.5 27h9" }),
    s("circle", { class: "finial", cx: 20, cy: 7, r: 1.7 }),
    s("g", { class: "arm" }, s("rect", { x: 6.5, y: 11, width: 15, height: 5, rx: 1 }), s("rect", { class: "band", x: 9, y: 11, width: 2.2, height: 5 })),
    s("circle", { class: "lamp", cx: 20, cy: 13.5, r: 1.9 }),
  );
}
