"use strict";
// Pages opened from disk may not fetch(): data come as scripts, each of which calls linernotes.receive.
(() => {
  const root = document.body.dataset.root;
  const waiting = new Map();
  const PICTURE_LEFT = 50 / 960, PICTURE_WIDTH = 900 / 960; // of landmarks.svg: where its drawing lies in it

  window.linernotes = {
    receive(name, rows) { waiting.get(name)?.(rows); },
  };

  function load(name) {
    return new Promise((resolve, reject) => {
      waiting.set(name, resolve);
      const script = document.createElement("script");
      script.src = `${root}data/${name}.js`;
      script.onerror = () => reject(new Error(`${script.src} is missing`));
      document.head.append(script);
    });
  }

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // Listings: rows are [href, [text, …], [value, …]]. All are loaded when a reader first searches or sorts.
  function enhanceListing(listing) {
    const { listing: name, total, chunks, size } = listing.dataset;
    const headings = [...listing.querySelectorAll("thead th")];
    const body = listing.querySelector("tbody");
    const input = listing.querySelector("input");
    const count = listing.querySelector(".count");
    let rows, order, page = 0;
    const sorting = { column: null, descending: false };

    async function loadAll() {
      rows ??= Promise.all(Array.from({ length: Number(chunks) }, (_, i) => load(`${name}-${i}`))).then((parts) => {
        const all = parts.flat();
        all.forEach((row, i) => { row.push(row[1].join("\n").toLowerCase(), i); });
        return all;
      });
      return rows;
    }

    async function update() {
      const all = await loadAll();
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      order = words.length ? all.filter((row) => words.every((word) => row[3].includes(word))) : [...all];
      const { column, descending } = sorting;
      if (column !== null) order.sort((a, b) => compare(a[2][column], b[2][column], descending) || a[4] - b[4]);
      page = 0;
      draw();
    }

    function draw() {
      const pages = Math.max(1, Math.ceil(order.length / size));
      body.replaceChildren(...order.slice(page * size, (page + 1) * size).map(drawRow));
      count.textContent = `${order.length} of ${total}` + (pages > 1 ? `, page ${page + 1} of ${pages}.` : ".");
      const buttons = Array.from({ length: pages }, (_, i) => {
        const button = make("button", { type: "button" }, String(i + 1));
        if (i === page) button.setAttribute("aria-current", "page");
        button.addEventListener("click", () => { page = i; draw(); });
        return make("li", {}, button);
      });
      const nav = listing.querySelector("nav.pages");
      if (nav) nav.hidden = pages === 1;
      nav?.querySelector("ul").replaceChildren(...buttons);
    }

    function drawRow([href, texts]) {
      return make("tr", {}, ...texts.map((text, i) => {
        const cell = make("td", headings[i].classList.contains("number") ? { class: "number" } : {});
        cell.append(i === 0 && href ? make("a", { href: root + href }, text) : text);
        return cell;
      }));
    }

    headings.forEach((heading, column) => {
      const button = make("button", { type: "button" }, heading.textContent);
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        sorting.descending = sorting.column === column ? !sorting.descending : heading.dataset.kind === "number";
        sorting.column = column;
        headings.forEach((each) => each.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", sorting.descending ? "descending" : "ascending");
        update();
      });
    });
    input.closest(".search").hidden = false;
    let timer;
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(update, 80); });
  }

  // What is unknown comes last, whichever way.
  function compare(a, b, descending) {
    if (a === null || b === null) return (a === null) - (b === null);
    const sign = typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0;
    return descending ? -sign : sign;
  }

  // Exhibits: an episode's clip and the recording's, kept at the same moment. Times are the episode's.
  function enhanceExhibit(exhibit) {
    const players = [...exhibit.querySelectorAll("audio")];
    const stage = exhibit.querySelector(".stage");
    const switching = exhibit.querySelector(".switch");
    const head = stage && make("div", { class: "playhead", hidden: "" });
    stage?.append(head);
    let latest = players[0];

    const timeOf = (player) => Number(player.dataset.from) + player.currentTime / Number(player.dataset.speed);
    const seek = (time) => players.forEach((player) => {
      player.currentTime = Math.max(0, (time - Number(player.dataset.from)) * Number(player.dataset.speed));
    });
    function showHead(time) {
      if (!stage) return;
      const { from, to } = stage.closest(".landmarks").dataset;
      const share = (time - from) / (to - from);
      head.hidden = share < 0 || share > 1;
      head.style.left = `${100 * (PICTURE_LEFT + share * PICTURE_WIDTH)}%`;
    }
    async function play(player) {
      players.forEach((each) => { if (each !== player) each.pause(); });
      latest = player;
      await player.play().catch(() => {}); // paused before it began
    }

    for (const player of players) {
      player.playbackRate = player.defaultPlaybackRate = Number(player.dataset.speed);
      player.preservesPitch = !("tape" in player.dataset);
      player.addEventListener("play", () => play(player));
      player.addEventListener("timeupdate", () => { if (player === latest) showHead(timeOf(player)); });
    }
    seek(Number(exhibit.dataset.start));
    if (switching) {
      switching.disabled = false;
      switching.addEventListener("click", () => {
        const time = timeOf(latest);
        const other = players.find((player) => player !== latest);
        seek(time);
        play(other);
      });
    }
    stage?.addEventListener("click", (event) => {
      const box = stage.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width - PICTURE_LEFT) / PICTURE_WIDTH;
      const { from, to } = stage.closest(".landmarks").dataset;
      const time = Number(from) + Math.min(1, Math.max(0, share)) * (to - from);
      seek(time);
      showHead(time);
      play(latest);
    });
  }

  Object.assign(window.linernotes, { root, load, make, enhanceExhibit });
  document.querySelectorAll(".listing").forEach(enhanceListing);
  document.querySelectorAll(".exhibit").forEach(enhanceExhibit);
})();
