// The page of one conversation. What happens shows up by itself, and the sidebar apps are answered as Help Scout's page
// answers the scripts of its SDK: https://www.npmjs.com/package/@helpscout/javascript-sdk.
(() => {
  "use strict";

  const frames = [...document.querySelectorAll("iframe[data-origin]")];
  const maxHeight = 2000;
  let conversation = document.getElementById("conversation");

  // The server renders the conversation, here as for the whole page.
  async function refresh() {
    const answer = await fetch(location.pathname + "/threads" + location.search);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("conversation");
    if (!fresh || fresh.outerHTML === conversation.outerHTML) return;
    const told = conversation.dataset.context;
    conversation.replaceWith(fresh);
    conversation = fresh;
    if (fresh.dataset.context !== told) frames.forEach(sendContext);
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

  // Requests and webhooks are events. What an agent does elsewhere and no webhook is told of is not.
  const events = new EventSource("/sim/events");
  for (const kind of ["request", "webhook"]) events.addEventListener(kind, soon);
  setInterval(() => document.hidden || soon(), 1000);

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
})();
