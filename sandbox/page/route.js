/** Where the page is, in its address: ?as=U0LEE#C0STAGING, #home, or #C0STAGING/1732.0001 for a thread. */

const REMEMBERED = "signalbox.as";

/** {as, place, thread} as the address says; each may be empty. */
export function readRoute() {
  const [place, thread] = location.hash.slice(1).split("/");
  const as = new URLSearchParams(location.search).get("as") ?? localStorage.getItem(REMEMBERED) ?? "";
  return { as, place: decodeURIComponent(place ?? ""), thread: thread || null };
}

/** Writes it: a step in the browser's history when the place changes, a correction otherwise. */
export function writeRoute({ as, place, thread }) {
  localStorage.setItem(REMEMBERED, as);
  const url = new URL(location.href);
  url.searchParams.set("as", as);
  url.hash = thread ? `${place}/${thread}` : place;
  if (url.href === location.href) return;
  if (location.hash && url.hash !== location.hash) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
}
