// The page of one conversation: new threads appear by themselves, and sidebar apps are answered as Help Scout answers them.
"use strict";

const threads = document.getElementById("threads");
const frames = [...document.querySelectorAll("iframe[data-origin]")];

async function refresh() {
  const page = await fetch(location.href);
  if (!page.ok) return;
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html").getElementById("threads");
  if (fresh && fresh.innerHTML !== threads.innerHTML) threads.innerHTML = fresh.innerHTML;
}

let soon = 0;
const events = new EventSource("/sim/events");
for (const kind of ["request", "webhook"]) {
  events.addEventListener(kind, () => {
    clearTimeout(soon);
    soon = setTimeout(refresh, 150);
  });
}

addEventListener("message", (event) => {
  const frame = frames.find((f) => f.contentWindow === event.source);
  if (!frame || event.origin !== frame.dataset.origin || typeof event.data !== "object" || event.data === null) return;
  switch (event.data.type) {
    case "SET_APP_HEIGHT":
      frame.height = Math.min(Math.max(Number(event.data.value) || 0, 0), 2000);
      break;
    case "GET_APP_CONTEXT":
      frame.contentWindow.postMessage(
        { type: "SEND_APP_CONTEXT", context: { conversation: { id: Number(threads.dataset.conversation) } } }, frame.dataset.origin);
      break;
    case "SHOW_NOTIFICATION":
      document.getElementById("notification").textContent = String(event.data.value ?? "");
      break;
  }
});
