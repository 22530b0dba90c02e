"use strict";
// Reviewing: on the pages of items, and on the page that lists what may be decided about.
(() => {
  const { root, load, make, enhanceExhibit } = window.linernotes;

  // Decisions: kept by the browser, so that all pages of a report share them; by table and key of the row.
  const shelf = `linernotes ${document.body.dataset.report}`;
  let decisions = new Map();
  try { decisions = new Map(JSON.parse(localStorage.getItem(shelf) ?? "[]")); } catch { /* nothing is kept here */ }
  const identify = (table, key) => JSON.stringify([table, ...Object.entries(key).sort()]);

  function decide(table, key, decision, correction = {}, note = "") {
    const id = identify(table, key);
    if (decision === null) decisions.delete(id);
    else decisions.set(id, { table, ...key, decision, correction, note, decided_at: new Date().toISOString() });
    keep();
  }
  function keep() {
    try { localStorage.setItem(shelf, JSON.stringify([...decisions])); } catch { /* until the page is left */ }
  }

  function enhanceReview(element) {
    const { table } = element.dataset;
    const key = JSON.parse(element.dataset.key);
    const show = () => showDecision(element, decisions.get(identify(table, key))?.decision);
    element.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => {
      const { decision } = button.dataset;
      decide(table, key, decisions.get(identify(table, key))?.decision === decision ? null : decision);
      show();
    }));
    show();
  }
  const WORDS = { accept: "accepted", reject: "rejected", correct: "corrected" };
  function showDecision(element, decision) {
    element.classList.toggle("accepted", decision === "accept" || decision === "correct");
    element.classList.toggle("rejected", decision === "reject");
    element.querySelector("output").textContent = decision ? WORDS[decision] : "";
    element.querySelectorAll("[data-decision]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.decision === decision));
    });
  }

  // The review page: rows are {table, key, href, what, found, score, clips: [{side, src, from, speed, tape}], start}.
  async function enhanceReviews(area) {
    const corrections = JSON.parse(area.dataset.corrections);
    const [tables, undecided, cards, state] = ["table", "undecided", "cards", "state"].map((id) => document.getElementById(id));
    const SHOWN = 25;
    const names = Array.from({ length: Number(area.dataset.chunks) }, (_, i) => `review-${i}`);
    const all = (await Promise.all(names.map(load))).flat();
    const idOf = (row) => identify(row.table, row.key);
    let listed = [], at = 0;

    function choose(keepAt = null) {
      listed = all.filter((row) => (!tables.value || row.table === tables.value) && (!undecided.checked || !decisions.has(idOf(row))));
      at = Math.max(0, Math.min(keepAt ?? 0, listed.length - 1));
      draw();
    }
    function draw() {
      const first = Math.max(0, Math.min(at - 5, listed.length - SHOWN));
      cards.start = first + 1;
      cards.replaceChildren(...listed.slice(first, first + SHOWN).map((row, i) => drawCard(row, first + i)));
      if (!listed.length) cards.replaceChildren(make("li", {}, "Nothing is left to decide."));
      state.textContent = `${decisions.size} decided, ${listed.length} listed of ${area.dataset.total}`;
      const current = cards.querySelector("[aria-current]");
      current?.focus({ preventScroll: true });
      current?.scrollIntoView({ block: "nearest" });
    }
    function drawCard(row, i) {
      const card = make("li", { class: "card", tabindex: "-1" });
      const link = make("a", { href: root + row.href }, row.what);
      const score = row.score === null ? "" : `, ${row.score}`;
      card.append(make("b", {}, link), ` in ${row.key.media_id}: ${row.found}${score} `, make("output", {}));
      showDecision(card, decisions.get(idOf(row))?.decision);
      card.addEventListener("click", () => { if (at !== i) { at = i; draw(); } });
      if (i !== at) return card;
      card.setAttribute("aria-current", "true");
      if (row.clips.length) card.append(drawClips(row));
      const buttons = make("div", { class: "review" });
      for (const [word, title] of [["accept", "Accept"], ["reject", "Reject"], ["correct", "Correct"]]) {
        const button = make("button", { type: "button", "data-decision": word }, title);
        button.addEventListener("click", (event) => { event.stopPropagation(); act(word); });
        buttons.append(button);
      }
      card.append(buttons);
      return card;
    }
    function drawClips(row) {
      const exhibit = make("div", { class: "exhibit players", "data-start": row.start });
      for (const clip of row.clips) {
        const player = make("audio", { controls: "", preload: "none", src: root + clip.src, "data-side": clip.side,
          "data-from": clip.from, "data-speed": clip.speed, ...(clip.tape ? { "data-tape": "" } : {}) });
        exhibit.append(make("figure", {}, make("figcaption", {}, clip.side), player));
      }
      if (row.clips.length > 1) exhibit.append(make("button", { type: "button", class: "switch" }, "Switch"));
      enhanceExhibit(exhibit);
      return exhibit;
    }
    function act(word) {
      const row = listed[at];
      if (!row) return;
      if (word === "correct") { askCorrection(row); return; }
      decide(row.table, row.key, word);
      move();
    }
    // On to the next: where the decided ones are not listed, that one takes this one's place.
    function move() { choose(undecided.checked ? at : at + 1); }

    function askCorrection(row) {
      const card = cards.querySelector("[aria-current]");
      card.querySelector("form")?.remove();
      const form = make("form", { class: "review" });
      const old = decisions.get(idOf(row))?.correction ?? {};
      for (const [name, kind] of Object.entries(corrections[row.table])) {
        const input = make("input", { name, ...(kind === "number" ? { type: "number", step: "any" } : {}) });
        input.value = old[name] ?? row.key[name] ?? "";
        form.append(make("label", {}, `${name} `, input));
      }
      form.append(make("label", {}, "note ", make("input", { name: "note" })), make("button", {}, "Save"));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        const given = Object.entries(corrections[row.table]).map(([name, kind]) => {
          const text = form.elements[name].value.trim();
          return [name, kind === "number" ? Number(text) : text, text];
        });
        const changed = given.filter(([name, value, text]) => text !== "" && value !== row.key[name]);
        if (!changed.length) { state.textContent = "Nothing was changed."; return; }
        decide(row.table, row.key, "correct", Object.fromEntries(changed), form.elements.note.value.trim());
        move();
      });
      form.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key === "Escape") { form.remove(); card.focus(); }
      });
      form.addEventListener("click", (event) => event.stopPropagation());
      card.append(form);
      form.elements[0].focus();
      form.elements[0].select();
    }

    const exhibitOf = () => cards.querySelector("[aria-current] .exhibit");
    const keys = {
      j: () => { at = Math.min(at + 1, listed.length - 1); draw(); },
      k: () => { at = Math.max(at - 1, 0); draw(); },
      a: () => act("accept"),
      r: () => act("reject"),
      c: () => act("correct"),
      u: undo,
      e: exportDecisions,
      p: () => { const player = exhibitOf()?.querySelector("audio"); if (player) player.paused ? player.play().catch(() => {}) : player.pause(); },
      x: () => exhibitOf()?.querySelector(".switch")?.click(),
    };
    keys.ArrowDown = keys.j;
    keys.ArrowUp = keys.k;
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, audio")) return;
      if (!Object.hasOwn(keys, event.key)) return;
      event.preventDefault();
      keys[event.key]();
    });
    function undo() {
      const last = [...decisions.keys()].at(-1);
      if (last === undefined) return;
      decisions.delete(last);
      keep();
      choose();
      at = Math.max(0, listed.findIndex((row) => idOf(row) === last));
      draw();
    }
    function exportDecisions() {
      const text = [...decisions.values()].map((each) => JSON.stringify(each) + "\n").join("");
      const url = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
      make("a", { href: url, download: "decisions.jsonl" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    }
    document.getElementById("export").addEventListener("click", exportDecisions);
    document.getElementById("import").addEventListener("change", async (event) => {
      const byId = new Map(all.map((row) => [idOf(row), row]));
      let unknown = 0;
      for (const line of (await event.target.files[0].text()).split("\n").filter((text) => text.trim())) {
        try {
          const { table, decision, correction, note, decided_at, ...key } = JSON.parse(line);
          const id = identify(table, key);
          if (byId.has(id) && Object.hasOwn(WORDS, decision)) decisions.set(id, { table, ...key, decision, correction, note, decided_at });
          else unknown += 1;
        } catch { unknown += 1; }
      }
      keep();
      choose();
      if (unknown) state.textContent += `; ${unknown} lines are of no row of this run`;
    });
    tables.addEventListener("change", () => choose());
    undecided.addEventListener("change", () => choose());
    choose();
  }

  document.querySelectorAll(".review[data-table]").forEach(enhanceReview);
  const area = document.getElementById("review");
  if (area) enhanceReviews(area);
})();
