/** Light or dark: the system's choice until the person makes one, which is remembered. Loaded before the first paint. */

const KEY = "signalbox.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function remembered() {
  const theme = localStorage.getItem(KEY);
  return theme === "light" || theme === "dark" ? theme : null;
}

export function currentTheme() {
  return remembered() ?? (system.matches ? "dark" : "light");
}

function apply() {
  document.documentElement.dataset.theme = currentTheme();
}

/** Turns to the other theme; choosing what the system has anyway forgets the choice, so that the page follows it again. */
export function toggleTheme() {
  const next = currentTheme() === "dark" ? "light" : "dark";
  if (next === (system.matches ? "dark" : "light")) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  apply();
}

/** Calls `listener` now and whenever the theme may have changed. */
export function onTheme(listener) {
  new MutationObserver(listener).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  listener();
}

system.addEventListener("change", apply);
apply();
