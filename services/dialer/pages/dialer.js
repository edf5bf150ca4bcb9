// The script of the dialer's pages: it shows times as the reader's own, guards forms from double clicks, keeps the page
// of a call fresh and runs its clock. Every page works without it.
(() => {
  "use strict";

  // localTimes replaces the UTC texts of times by "today 14:05" or "Mar 3 14:05"; the UTC text stays as the tooltip.
  function localTimes(root) {
    const now = new Date();
    for (const element of root.querySelectorAll("time[datetime]")) {
      const at = new Date(element.dateTime);
      if (isNaN(at)) continue;
      const day = { month: "short", day: "numeric" };
      if (at.getFullYear() !== now.getFullYear()) day.year = "numeric";
      const date = at.toDateString() === now.toDateString() ? "today" : at.toLocaleDateString("en-US", day);
      element.title = element.textContent;
      element.textContent = date + " " + at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    }
  }

  addEventListener("submit", (event) => {
    for (const button of event.target.querySelectorAll("button")) button.disabled = true;
  });

  // The page may come back from the browser's memory, by its back button, with the buttons as they were left.
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
  });

  const live = document.getElementById("live");
  const line = document.getElementById("line");
  if (live && live.dataset.events) follow();
  localTimes(document);

  // follow keeps the live section as the server's events say. EventSource reconnects by itself, except after an HTTP
  // error: then we open a new one, and reload the page when that keeps failing.
  function follow() {
    let shown = shape(live.innerHTML);
    let failures = 0;
    let offset = 0; // how far our clock is ahead of the server's, in milliseconds

    // shape is a fragment without what differs each time: the clock.
    function shape(html) {
      return html.replace(/ data-now="\d+">[^<]*/g, "").trim();
    }

    function show(html) {
      const next = document.createElement("template");
      next.innerHTML = html;
      const wanted = shape(next.innerHTML);
      if (wanted === shown) return;
      shown = wanted;
      const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
      live.replaceChildren(next.content);
      if (focused) (document.getElementById(focused) || live).focus();
      document.title = live.querySelector("h2").textContent + " · Bling";
      setClock();
    }

    function setClock() {
      const clock = live.querySelector("[data-since]");
      if (!clock) return;
      offset = Date.now() - clock.dataset.now;
      tick();
    }

    function tick() {
      const clock = live.querySelector("[data-since]");
      if (!clock) return;
      const seconds = Math.max(0, Math.floor((Date.now() - offset - clock.dataset.since) / 1000));
      const parts = [Math.floor(seconds / 60) % 60, seconds % 60];
      if (seconds >= 3600) parts.unshift(Math.floor(seconds / 3600));
      clock.textContent = parts.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
    }

    function connected() {
      failures = 0;
      line.textContent = "";
    }

    function connect() {
      const source = new EventSource(live.dataset.events);
      source.addEventListener("open", connected);
      source.addEventListener("status", (event) => {
        connected();
        show(event.data);
      });
      source.addEventListener("end", (event) => {
        source.close();
        connected();
        show(event.data);
      });
      source.addEventListener("error", () => {
        line.textContent = "Reconnecting…";
        if (source.readyState !== EventSource.CLOSED) return;
        failures++;
        if (failures >= 5) location.reload();
        else setTimeout(connect, 2000);
      });
    }

    setClock();
    setInterval(tick, 250);
    connect();
  }
})();
