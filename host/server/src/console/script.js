// Keeps what is shown up to date. Without it, every page says the same as of when it was loaded.
"use strict";
(() => {
  const main = document.getElementById("main");
  const source = main && main.dataset.events;
  if (!source) return;
  const byId = (id) => document.getElementById(id);
  const announce = byId("announce");
  const stale = byId("stale");
  let stream = null;
  let busy = false;
  let again = false;
  let timer = 0;
  let tenth = -1;

  // What the page says now, in the places that change. What somebody is in the middle of stays as it is.
  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { "x-part": "1" }, credentials: "same-origin" });
      if (!answer.ok) { end(); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const now of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(now.id);
        if (!fresh || fresh.innerHTML === now.innerHTML) continue;
        const focus = now.contains(document.activeElement) ? document.activeElement.id : "";
        const open = [...now.querySelectorAll("details[open][id]")].map((one) => one.id);
        const chosen = new Map([...now.querySelectorAll("select[id]")].map((one) => [one.id, one.value]));
        now.className = fresh.className;
        now.innerHTML = fresh.innerHTML;
        for (const id of open) byId(id)?.setAttribute("open", "");
        for (const [id, value] of chosen) {
          const select = byId(id);
          if (select && [...select.options].some((one) => one.value === value)) select.value = value;
        }
        if (focus) byId(focus)?.focus({ preventScroll: true });
      }
      say(byId("headline")?.textContent);
    } catch {
      // The stream tells whether the server is gone.
    } finally {
      busy = false;
      if (again) { again = false; soon(); }
    }
  }

  // At most once in a while, however much happens.
  function soon() {
    if (!timer) timer = setTimeout(() => { timer = 0; refresh(); }, 250);
  }

  function say(text) {
    if (announce && text && announce.textContent !== text) announce.textContent = text;
  }

  function put(id, text) {
    const element = byId(id);
    if (element && element.textContent !== text) element.textContent = text;
  }

  function left(seconds) {
    const whole = Math.max(1, Math.round(seconds));
    if (whole < 60) return whole + " s left";
    if (whole < 3600) return Math.floor(whole / 60) + " min " + (whole % 60) + " s left";
    return Math.floor(whole / 3600) + " h " + Math.floor((whole % 3600) / 60) + " min left";
  }

  function progress(told) {
    const bar = byId("bar");
    const counts = told.counts;
    if (!bar || !counts) { if (byId("live")) soon(); return; }
    const ended = counts.prepared + counts.failed + counts.skipped;
    const percent = counts.modules ? Math.floor(((counts.signed + ended) * 50) / counts.modules) : 100;
    if (percent < bar.value && told.preparation !== undefined) { soon(); return; }
    bar.value = percent;
    const headline = byId("headline");
    if (headline) put("headline", headline.textContent.replace(/\d+%$/, percent + "%"));
    const grouped = (number) => number.toLocaleString("en");
    put("accounted", grouped(ended) + " of " + grouped(counts.modules) + " modules are accounted for");
    put("eta", told.eta ? left(told.eta.secs + told.eta.nanos / 1e9) : "");
    const compiling = byId("compiling");
    if (compiling && told.compiling) {
      compiling.hidden = told.compiling.length === 0;
      compiling.querySelector("ul").replaceChildren(...told.compiling.slice(0, 6).map((one) => {
        const line = document.createElement("li");
        const by = document.createElement("span");
        by.textContent = one.compiler;
        line.append(one.module + " ", by);
        return line;
      }));
    }
    // A screen reader is told now and then.
    if (Math.floor(percent / 10) !== tenth) {
      tenth = Math.floor(percent / 10);
      say(headline && headline.textContent);
    }
  }

  const words = { prepared: "Prepared", failed: "Failed", skipped: "Skipped", pending: "Waiting" };
  function ended(told) {
    if (told.module === main.dataset.about) soon();
    const row = document.querySelector('[data-module="' + CSS.escape(told.module) + '"]');
    const chip = row && row.querySelector(".chip");
    if (!chip || !words[told.state]) return;
    chip.className = "chip " + told.state;
    chip.textContent = words[told.state];
  }

  function end() {
    stream?.close();
    stream = null;
    if (stale) stale.hidden = false;
  }

  function begin() {
    if (stream) return;
    stream = new EventSource(source);
    const told = (name, heed) => stream.addEventListener(name, (event) => {
      let data = {};
      try { data = JSON.parse(event.data); } catch { /* then only that it happened is known */ }
      heed(data);
    });
    // The progress of a rehearsal is not that of the bar.
    let rehearsal;
    told("status", (data) => { rehearsal = data.rehearsal?.preparation; soon(); });
    told("progress", (data) => (rehearsal !== undefined && data.preparation === rehearsal ? soon() : progress(data)));
    told("module-ended", (data) => { if (data.preparation !== rehearsal) ended(data); });
    for (const name of ["upgraded", "loading", "started", "paused", "resumed", "trying-again", "finished", "released"]) {
      told(name, soon);
    }
    stream.onopen = () => { if (stale) stale.hidden = true; };
    stream.onerror = () => { if (stream?.readyState === EventSource.CLOSED) end(); };
  }

  // A page that nobody looks at takes no connection.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { stream?.close(); stream = null; } else { begin(); soon(); }
  });
  addEventListener("pagehide", () => { stream?.close(); stream = null; });
  addEventListener("pageshow", (event) => { if (event.persisted) { begin(); soon(); } });
  begin();
})();
