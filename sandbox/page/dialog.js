/** A dialog over the page: the native element, with the focus kept inside and given back at the end. */

import { h } from "./dom.js";

const FOCUSABLE = "a[href], button:not([disabled]), input:not([disabled]), select, textarea, [tabindex='0']";

/**
 * Opens a dialog. `onEscape` is called instead of closing by itself; close it with the function that this returns,
 * which gives the focus back to where it was.
 */
export function openDialog(attributes, children, onEscape) {
  const before = document.activeElement;
  const dialog = h("dialog", attributes, children);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    onEscape();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Tab") keepInside(dialog, event);
    if (event.key === "Escape") {
      event.preventDefault(); // a second Escape would otherwise close it without `cancel`
      event.stopPropagation();
      onEscape();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  const close = () => {
    dialog.close();
    dialog.remove();
    if (before?.isConnected) before.focus();
  };
  return { dialog, close };
}

function keepInside(dialog, event) {
  const stops = [...dialog.querySelectorAll(FOCUSABLE)].filter((each) => each.offsetParent !== null && each.tabIndex >= 0);
  if (stops.length === 0) return;
  const edge = event.shiftKey ? stops[0] : stops.at(-1);
  if (document.activeElement !== edge) return;
  event.preventDefault();
  (event.shiftKey ? stops.at(-1) : stops[0]).focus();
}
