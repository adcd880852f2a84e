/** What only this browser knows about messages: notices that the page itself gave, and which were dismissed. */

const DISMISSED = "signalbox.dismissed";
/** {me, channel, thread, message} of each notice. */
let notices = [];

export const onlyLocal = {
  notices(me, channel, thread) {
    const mine = notices.filter((notice) => notice.me === me && notice.channel === channel && notice.thread === thread);
    return mine.map((notice) => notice.message);
  },

  /** A line that only this person sees, from the page itself: a command that failed, a click that nobody answered. */
  add(me, channel, thread, text) {
    const ts = (Date.now() / 1000).toFixed(6);
    const message = { ts, channel, user: "page", username: "Signalbox sandbox", text, blocks: [], files: [], ephemeral: true, notice: true };
    notices = [...notices, { me, channel, thread, message }];
  },

  dismissed(me) {
    return new Set(read()[me] ?? []);
  },

  dismiss(me, ts) {
    const all = read();
    all[me] = [...(all[me] ?? []), ts].slice(-500);
    sessionStorage.setItem(DISMISSED, JSON.stringify(all));
  },
};

function read() {
  return JSON.parse(sessionStorage.getItem(DISMISSED) ?? "{}");
}
