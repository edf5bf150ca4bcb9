// The page's script. The server renders everything; here forms are sent without leaving the page, and what has changed is fetched again.
(() => {
  "use strict";

  const $ = (selector) => document.querySelector(selector);
  const parse = (html) => new DOMParser().parseFromString(html, "text/html").body;

  async function get(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
  }

  // ---- Forms ----

  function complain(words) {
    const alert = $("#alert");
    alert.textContent = words;
    alert.hidden = !words;
  }

  async function send(form, submitter) {
    const data = new FormData(form, submitter);
    const line = form.hasAttribute("data-clear") && form.querySelector("input:not([type=file])");
    const words = line && line.value;
    if (line) line.value = ""; // the next one can be typed meanwhile
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-Requested-With": "page" } });
      complain(answer.ok ? "" : (await answer.text()).trim());
      if (!answer.ok) throw null;
      if (form.hasAttribute("data-reload")) location.reload();
      if (form.hasAttribute("data-phones")) {
        form.reset();
        await syncPhones();
      }
      if (form.querySelector("input[type=file]")) form.querySelector("input[type=file]").value = "";
      showFiles(form);
    } catch (error) {
      if (error) complain("The playground does not answer.");
      if (line && !line.value) line.value = words;
    }
    if (form.hasAttribute("data-refresh") || form.getAttribute("action") === "/trouble") refresh.trouble();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.hasAttribute("data-quiet")) return;
    event.preventDefault();
    if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
    send(form, event.submitter);
  });

  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (event.target.type === "file") showFiles(form);
    if (form?.hasAttribute("data-on-change")) send(form);
  });

  // How many files are going to be sent.
  function showFiles(form) {
    const input = form?.querySelector("input[type=file]");
    if (input) input.nextElementSibling.textContent = input.files.length || "+";
  }

  // ---- What changes ----

  const atEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 40;

  function replace(old, fresh) {
    if (old.outerHTML === fresh.outerHTML) return;
    const lists = [old, ...old.querySelectorAll("[tabindex]")].map((list) => [atEnd(list), list.scrollTop]);
    const typed = old.querySelector("input:not([type=checkbox])");
    const typing = old.contains(document.activeElement) && document.activeElement;
    const opened = old.querySelector("details[open]");
    old.replaceWith(fresh);
    const input = fresh.querySelector("input:not([type=checkbox])");
    if (input && typed?.name === "words") input.value = typed.value;
    if (opened && fresh.querySelector("details")) fresh.querySelector("details").open = true;
    const again = typing && typing.name && fresh.querySelector(`[name="${typing.name}"]`);
    if (again) {
      const { selectionStart, selectionEnd } = typing;
      again.focus({ preventScroll: true });
      if (again.type === "text") again.setSelectionRange(selectionStart, selectionEnd);
    }
    [fresh, ...fresh.querySelectorAll("[tabindex]")].forEach((list, i) => {
      const [end, top] = lists[i] ?? [true, 0];
      list.scrollTop = end ? list.scrollHeight : top;
    });
  }

  // Phones were added or taken away, here or in another tab.
  async function syncPhones() {
    const page = parse(await (await get("/")).text());
    const fresh = [...page.querySelectorAll(".phone")];
    for (const old of document.querySelectorAll(".phone")) if (!fresh.some((phone) => phone.id === old.id)) old.remove();
    for (const phone of fresh) if (!document.getElementById(phone.id)) $(".add").before(phone);
    const person = $("#person");
    const about = person.value;
    person.replaceChildren(...page.querySelector("#person").childNodes);
    person.value = about;
    if (person.value !== about) {
      person.value = "";
      anew();
    }
  }

  // One fetch at a time for each part; what changes meanwhile is fetched afterwards.
  function part(fetchIt) {
    let running = false;
    let again = false;
    return async () => {
      again = true;
      if (running) return;
      running = true;
      while (again) {
        again = false;
        await fetchIt().catch(() => {}); // the stream of events notices when nobody answers
      }
      running = false;
    };
  }

  const fragment = (id) => async () => {
    const fresh = parse(await (await get("/" + id)).text());
    const box = document.createElement("div");
    box.id = id;
    box.append(...fresh.childNodes);
    replace($("#" + id), box);
  };

  let last = 0;
  const story = $("#story");
  const mostLines = 500;

  const refresh = {
    phones: part(async () => {
      const all = [...parse(await (await get("/phones")).text()).children];
      const shown = document.querySelectorAll(".phone [data-live]");
      if (all.length !== shown.length || all.some((fresh) => !document.getElementById(fresh.id))) await syncPhones();
      for (const fresh of all) {
        const old = document.getElementById(fresh.id);
        if (old) replace(old, fresh);
      }
      readAloud();
    }),
    flood: part(fragment("flood")),
    stage: part(async () => {
      await fragment("stage")();
      const next = $("#stage [aria-current]");
      if (next) next.parentElement.scrollTop = next.offsetTop - next.parentElement.offsetTop - 60;
    }),
    trouble: part(async () => {
      const fresh = parse(await (await get("/trouble")).text()).querySelector("#trouble-form");
      replace($("#trouble-form"), fresh);
      showTrouble();
    }),
    story: part(async () => {
      const person = $("#person").value;
      const answer = await get(`/story?after=${last}&person=${encodeURIComponent(person)}`);
      const lines = [...parse(await answer.text()).children];
      if ($("#person").value !== person) return;
      last = Number(answer.headers.get("Story-Last"));
      const end = atEnd(story);
      for (const line of lines) {
        // A line comes when its thing is over, and stands where that began.
        let before = story.lastElementChild;
        while (before && Number(before.dataset.at) > Number(line.dataset.at)) before = before.previousElementSibling;
        before ? before.after(line) : story.prepend(line);
      }
      while (story.childElementCount > mostLines) story.firstElementChild.remove();
      $("#quiet").hidden = story.childElementCount > 0;
      if (end) story.scrollTop = story.scrollHeight;
      if (lines.some((line) => line.classList.contains("trouble"))) refresh.trouble();
    }),
  };

  function anew() {
    last = 0;
    story.replaceChildren();
    refresh.story();
  }

  $("#person").addEventListener("change", anew);
  $("#inner").addEventListener("change", (event) => story.classList.toggle("outer", !event.target.checked));
  $("#clear").addEventListener("click", () => {
    story.replaceChildren();
    $("#quiet").hidden = false;
  });

  // The details of a line are fetched when they are looked at.
  story.addEventListener("toggle", async (event) => {
    const details = event.target;
    if (!details.open || details.querySelector(".detail")) return;
    try {
      details.append(...parse(await (await get(details.dataset.src)).text()).childNodes);
    } catch (error) {
      details.append(error.message);
    }
  }, true);

  function showTrouble() {
    $("#trouble-menu").classList.toggle("on", $("#trouble-says").classList.contains("bad"));
  }

  // A browser has six connections to a server, so a tab that nobody looks at keeps none.
  let events = null;
  function listen() {
    events?.close();
    events = null;
    if (document.hidden) return;
    events = new EventSource("/events");
    for (const name of Object.keys(refresh)) events.addEventListener(name, refresh[name]);
    events.addEventListener("open", () => {
      $("#offline").hidden = true;
      Object.values(refresh).forEach((fetchIt) => fetchIt());
    });
    events.addEventListener("error", () => { $("#offline").hidden = false; });
  }
  document.addEventListener("visibilitychange", listen);
  listen();

  // ---- Menus ----

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // ---- Voices ----

  const heard = new Set();
  const aloud = $("#aloud");
  aloud.hidden = !("speechSynthesis" in window);
  aloud.addEventListener("click", () => {
    const on = aloud.getAttribute("aria-pressed") !== "true";
    aloud.setAttribute("aria-pressed", on);
    if (on) for (const voice of document.querySelectorAll("[data-say]")) heard.add(voice.id); // not what is over
    else speechSynthesis.cancel();
  });

  function readAloud() {
    if (aloud.getAttribute("aria-pressed") !== "true") return;
    for (const voice of document.querySelectorAll("[data-say]")) {
      if (heard.has(voice.id)) continue;
      heard.add(voice.id);
      speechSynthesis.speak(new SpeechSynthesisUtterance(voice.dataset.say));
    }
  }

  // ---- The microphone ----

  const rate = 8000; // as on the phone

  let recording = null;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-microphone]");
    if (!button) return;
    if (recording) return recording.stop();
    try {
      recording = await record(button);
    } catch (error) {
      complain("The microphone cannot be used: " + error.message);
    }
  });

  async function record(button) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const context = new AudioContext({ sampleRate: rate });
    await context.audioWorklet.addModule("/static/microphone.js");
    const node = new AudioWorkletNode(context, "microphone");
    const pieces = [];
    node.port.onmessage = (message) => pieces.push(message.data);
    context.createMediaStreamSource(stream).connect(node);
    const label = button.textContent;
    const address = button.dataset.microphone;
    button.textContent = "Stop and send";
    return {
      async stop() {
        recording = null;
        button.textContent = label;
        stream.getTracks().forEach((track) => track.stop());
        await context.close();
        const data = new FormData();
        data.append("sound", wav(pieces), "sound.wav");
        const answer = await fetch(address, { method: "POST", body: data, headers: { "X-Requested-With": "page" } });
        complain(answer.ok ? "" : await answer.text());
      },
    };
  }

  // A WAV file of 16 bits, mono.
  function wav(pieces) {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const view = new DataView(new ArrayBuffer(44 + 2 * length));
    const letters = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
    letters(0, "RIFF");
    view.setUint32(4, 36 + 2 * length, true);
    letters(8, "WAVEfmt ");
    view.setUint32(16, 16, true);
    view.setUint16(20, 1, true);
    view.setUint16(22, 1, true);
    view.setUint32(24, rate, true);
    view.setUint32(28, 2 * rate, true);
    view.setUint16(32, 2, true);
    view.setUint16(34, 16, true);
    letters(36, "data");
    view.setUint32(40, 2 * length, true);
    let at = 44;
    for (const piece of pieces) for (const sample of piece) {
      view.setInt16(at, Math.max(-1, Math.min(1, sample)) * 0x7fff, true);
      at += 2;
    }
    return new Blob([view], { type: "audio/wav" });
  }

  for (const list of document.querySelectorAll(".screen, .captions")) list.scrollTop = list.scrollHeight;
  showTrouble();
})();
