// The script of the switchboard's pages: it shows times as the reader's own, guards forms from double clicks, and keeps pages fresh that
// show how things stand. Every page works without it.
(() => {
  "use strict";

  // localTimes replaces the UTC texts of times by "14:05:09" or "Mar 3 14:05:09"; the UTC text stays as the tooltip.
  function localTimes(root) {
    const now = new Date();
    for (const element of root.querySelectorAll("time[datetime]")) {
      const at = new Date(element.dateTime);
      if (isNaN(at)) continue;
      const day = { month: "short", day: "numeric" };
      if (at.getFullYear() !== now.getFullYear()) day.year = "numeric";
      const date = at.toDateString() === now.toDateString() ? "" : at.toLocaleDateString("en-US", day) + " ";
      element.title = element.textContent;
      element.textContent = date + at.toLocaleTimeString("en-GB");
    }
  }

  addEventListener("submit", (event) => {
    for (const button of event.target.querySelectorAll("button:not([data-stays])")) button.disabled = true;
  });

  // The page may come back from the browser's memory, by its back button, with the buttons as they were left.
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
  });

  const main = document.querySelector("main[data-live]");
  const line = document.getElementById("line");
  if (main) setTimeout(refresh, main.dataset.live * 1000);
  localTimes(document);
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // refresh fetches the page again and shows what has changed, unless it is not looked at, or somebody is about to press something.
  async function refresh() {
    try {
      if (!document.hidden && !main.contains(document.activeElement)) {
        const answer = await fetch(location.href, { headers: { "X-Bling-Refresh": "1" }, redirect: "manual" });
        if (answer.type === "opaqueredirect" || answer.status === 401) return location.reload(); // signed out
        if (!answer.ok) throw new Error(answer.status);
        const next = new DOMParser().parseFromString(await answer.text(), "text/html");
        localTimes(next);
        const fresh = next.querySelector("main");
        if (fresh.innerHTML !== main.innerHTML && !main.contains(document.activeElement)) {
          main.replaceChildren(...fresh.childNodes);
          document.title = next.title;
        }
        line.textContent = "";
      }
    } catch {
      line.textContent = "The switchboard does not answer. What you see here may be old.";
    }
    setTimeout(refresh, main.dataset.live * 1000);
  }
})();
