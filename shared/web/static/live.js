// Says that the figures on this page are no longer the newest, once the server tells so.
"use strict";
(() => {
  const notice = document.getElementById("live");
  if (!notice || typeof EventSource === "undefined") return;
  const source = new EventSource(notice.dataset.live);
  source.addEventListener("figures", (told) => {
    if (told.data === notice.dataset.version) return;
    notice.hidden = false;
    source.close();
  });
  addEventListener("pagehide", () => source.close());
})();
