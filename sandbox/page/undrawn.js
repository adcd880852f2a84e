/** What stands in for something that this page does not draw. */

import { h } from "./dom.js";

/** A notice that names what is not drawn, with its JSON to open. `kind` is block, element or cell. */
export function undrawn(kind, value) {
  const json = h("pre", {}, JSON.stringify(value, null, 2));
  return h("details", { class: "unknown", "data-testid": "unknown" }, h("summary", {}, `This page does not draw ${kind}s of type “${value?.type}”.`), json);
}
