/** What each person has sent in this tab, newest first. */

const MOST = 50;

export const history = {
  of(person) {
    return JSON.parse(sessionStorage.getItem(key(person)) ?? "[]");
  },

  add(person, text) {
    const entries = [text, ...this.of(person).filter((entry) => entry !== text)];
    sessionStorage.setItem(key(person), JSON.stringify(entries.slice(0, MOST)));
  },
};

function key(person) {
  return `signalbox.history.${person}`;
}
