// The page of one conversation. The sidebar apps are answered as Help Scout's page answers the scripts of its SDK:
// https://www.npmjs.com/package/@helpscout/javascript-sdk. What is typed is kept, and the newest thread is in sight.
(() => {
  "use strict";

  const conversation = document.getElementById("conversation");

  // The apps.

  const frames = [...document.querySelectorAll("iframe[data-origin]")];
  const maxHeight = 2000;

  function sendContext(frame) {
    const context = JSON.parse(conversation.dataset.context);
    frame.contentWindow.postMessage({ type: "SEND_APP_CONTEXT", ...context }, frame.dataset.origin);
  }

  addEventListener("message", (event) => {
    const frame = frames.find((f) => f.contentWindow === event.source && f.dataset.origin === event.origin);
    if (!frame || !event.data) return;
    const { type, value } = event.data;
    switch (type) {
      case "SET_APP_HEIGHT":
        frame.height = Math.min(Math.max(Math.ceil(Number(value)) || 0, 0), maxHeight);
        break;
      case "GET_APP_CONTEXT":
        sendContext(frame);
        break;
      case "SHOW_NOTIFICATION":
        document.getElementById("notification").textContent = value?.message ?? value ?? "";
        break;
    }
  });

  // The place: at the end, and there it stays when something comes, unless the reader has gone elsewhere.

  const end = document.getElementById("end");
  let atEnd = true;
  new IntersectionObserver((seen) => { atEnd = seen.at(-1).isIntersecting; }, { rootMargin: "0px 0px 60px" }).observe(end);

  // Below the end may be the apps, of which something is to be seen as well. A page that frames this one is not scrolled.
  function toEnd() {
    const below = Math.min(220, innerHeight / 4);
    scrollBy(0, Math.max(0, end.getBoundingClientRect().bottom + below - innerHeight));
  }

  history.scrollRestoration = "manual";
  toEnd();

  addEventListener("refreshed", ({ detail: page }) => {
    const { context } = page.getElementById("conversation").dataset;
    if (context !== conversation.dataset.context) {
      conversation.dataset.context = context;
      frames.forEach(sendContext);
    }
    const count = document.querySelectorAll("#threads > li").length;
    if (count > threads && atEnd) toEnd();
    threads = count;
  });
  let threads = document.querySelectorAll("#threads > li").length;

  // The form. A draft survives other forms and errors, until it was sent.

  const form = document.getElementById("write");
  const { text, files } = form.elements;
  const draft = "draft " + location.pathname;

  if (location.hash === "#written") {
    sessionStorage.removeItem(draft);
    history.replaceState(null, "", location.pathname + location.search);
  }
  text.value ||= sessionStorage.getItem(draft) ?? "";
  text.addEventListener("input", () => sessionStorage.setItem(draft, text.value));

  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector(".primary"));
  });

  files.addEventListener("change", () => {
    const size = [...files.files].reduce((sum, file) => sum + file.size, 0);
    files.setCustomValidity(size > files.dataset.most ? "Together, the files may have 10 MB." : "");
    files.reportValidity();
  });

  // Nothing is sent twice by two clicks.
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  addEventListener("pageshow", () => { sent = false; });
})();
