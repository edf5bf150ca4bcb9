// The script of the sidebar: Help Scout does not size the frame of an app, so we tell it our height, as its SDK does.
// The name of the frame is "app-" and the number of the installation.
(() => {
  "use strict";

  const origin = document.body.dataset.parent;
  const app = /^app-(?:side-panel-)?(.+)$/.exec(window.name);
  if (!origin || !app || window.parent === window) return;

  let sent = 0;
  function tell() {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    if (height === sent) return;
    sent = height;
    const message = { type: "SET_APP_HEIGHT", value: height, appId: app[1], iframeId: window.name };
    window.parent.postMessage(message, origin);
  }

  addEventListener("load", tell);
  new ResizeObserver(tell).observe(document.body);
})();
