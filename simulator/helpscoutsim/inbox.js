// Both pages: what happens shows up by itself. The server renders it, here as for whoever opens the page.
(() => {
  "use strict";

  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // Makes an element what it is on a fresh page. Items of a list that are the same stay: a sound plays on, what was selected remains so.
  function update(shown, fresh) {
    if (shown.innerHTML === fresh.innerHTML) return;
    if (!shown.matches("ol")) {
      shown.replaceChildren(...fresh.childNodes);
      return;
    }
    const known = new Map([...shown.children].map((item) => [item.outerHTML, item]));
    const items = [...fresh.children].map((item) => known.get(item.outerHTML) ?? item);
    for (const item of [...shown.children]) if (!items.includes(item)) item.remove();
    items.forEach((item, i) => {
      if (shown.children[i] === item) return;
      const isNew = item.ownerDocument !== document;
      shown.insertBefore(item, shown.children[i] ?? null);
      if (isNew && !still.matches) item.animate([{ backgroundColor: "var(--flash)", offset: 0 }], { duration: 2000, easing: "ease-out" });
    });
  }

  async function refresh() {
    const answer = await fetch(document.body.dataset.from);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focused = document.activeElement.id;
    for (const shown of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(shown.id);
      if (fresh) update(shown, fresh);
    }
    if (focused && document.activeElement.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
    dispatchEvent(new CustomEvent("refreshed", { detail: page }));
  }

  // At most one at a time; what comes meanwhile is looked at afterwards.
  let running = false;
  let again = false;
  async function soon() {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      await refresh().catch(() => {}); // the simulator is gone
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    running = false;
  }

  // Requests and webhooks are events. What an agent does elsewhere and no webhook is told of is not. A browser has six connections to a
  // server, so a page that nobody looks at keeps none, nor does one in a frame, whose page has one already.
  const framed = self !== top;
  let events = null;
  function listen() {
    events?.close();
    events = null;
    if (document.hidden || framed) return;
    events = new EventSource("/sim/events");
    for (const kind of ["request", "webhook"]) events.addEventListener(kind, soon);
    soon();
  }
  document.addEventListener("visibilitychange", listen);
  listen();
  setInterval(() => document.hidden || soon(), framed ? 400 : 1000);
})();
