// Says that the figures on this page are no longer the newest, once the server tells so. Where it refuses a stream (so many
// are open), the page asks by itself now and then.
"use strict";
(() => {
  const EVERY = 30000; // milliseconds
  const notice = document.getElementById("live");
  if (!notice) return;
  let source = null;
  let asking = 0;
  const stop = () => {
    source?.close();
    clearInterval(asking);
  };
  const told = (version) => {
    if (!version || version === notice.dataset.version) return;
    notice.hidden = false;
    stop();
  };
  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(`${notice.dataset.live}/version`, { headers: { Accept: "application/json" } });
      if (answer.ok) told((await answer.json()).version);
    } catch {
      // away for now: the next time
    }
  };
  const poll = () => {
    asking ||= setInterval(ask, EVERY);
  };
  addEventListener("pagehide", stop);
  if (typeof EventSource === "undefined") return poll();
  source = new EventSource(notice.dataset.live);
  source.addEventListener("figures", (event) => told(event.data));
  // A stream that breaks is opened again by the browser itself; one that is refused is closed for good.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) poll();
  });
})();
