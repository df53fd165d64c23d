// Hover, focus, search and steps for the map above. Everything it says comes from the element #facts.
"use strict";
(function () {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const map = document.querySelector("svg.map");
  const items = Array.from(map.querySelectorAll(".item[data-k]"));
  const arrows = Array.from(map.querySelectorAll(".arrow"));
  const details = document.getElementById("details");
  const stage = document.getElementById("stage");
  const search = document.getElementById("search");
  const hits = document.getElementById("hits");
  const hint = details.innerHTML;
  const byKey = new Map();
  items.forEach(function (item) {
    const key = item.dataset.k;
    if (!byKey.has(key)) { byKey.set(key, []); }
    byKey.get(key).push(item);
    item.setAttribute("tabindex", "-1");
    item.setAttribute("role", "img");
    item.setAttribute("aria-label", key);
  });
  if (items.length) { items[0].setAttribute("tabindex", "0"); }

  // What is known of a thing: its own lines, then those of the function that owns it.
  function lines(key) {
    const fact = facts.things[key];
    return fact ? fact.lines.concat(facts.owners[fact.owner] || []) : [["what", key]];
  }

  function tell(key) {
    items.forEach(function (item) { item.classList.toggle("other", key !== null && item.dataset.k === key); });
    if (key === null) { details.innerHTML = hint; return; }
    const list = document.createElement("dl");
    lines(key).forEach(function (pair) {
      const name = document.createElement("dt");
      const value = document.createElement("dd");
      name.textContent = pair[0];
      value.textContent = pair[1];
      list.append(name, value);
    });
    details.replaceChildren(list);
  }

  let pinned = null;
  map.addEventListener("mouseover", function (event) {
    const item = event.target.closest(".item[data-k]");
    tell(item ? item.dataset.k : pinned);
  });
  map.addEventListener("mouseleave", function () { tell(pinned); });
  map.addEventListener("click", function (event) {
    const item = event.target.closest(".item[data-k]");
    pinned = item ? item.dataset.k : null;
    if (item) { focusOn(item); } else { tell(null); }
  });
  map.addEventListener("focusin", function (event) {
    const item = event.target.closest(".item[data-k]");
    if (item) { pinned = item.dataset.k; tell(pinned); }
  });

  function focusOn(item) {
    items.forEach(function (other) { other.setAttribute("tabindex", other === item ? "0" : "-1"); });
    item.focus();
    item.scrollIntoView({ block: "center", inline: "nearest" });
  }

  // Left and right go through the map; up and down between the two places of one thing.
  map.addEventListener("keydown", function (event) {
    const item = event.target.closest(".item[data-k]");
    if (!item) { return; }
    const shown = items.filter(function (other) { return !other.classList.contains("yet"); });
    const at = shown.indexOf(item);
    let next = null;
    if (event.key === "ArrowRight") { next = shown[at + 1]; }
    if (event.key === "ArrowLeft") { next = shown[at - 1]; }
    if (event.key === "Home") { next = shown[0]; }
    if (event.key === "End") { next = shown[shown.length - 1]; }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const same = byKey.get(item.dataset.k);
      const step = event.key === "ArrowDown" ? 1 : same.length - 1;
      next = same[(same.indexOf(item) + step) % same.length];
    }
    if (next) { focusOn(next); event.preventDefault(); }
  });

  // Steps: value -1 shows today and the plan at once; n shows the machine after n steps.
  function show(value) {
    const left = new Set();
    const arrived = new Set();
    let now = new Set();
    facts.stages.slice(0, Math.max(value, 0)).forEach(function (step) {
      step.leave.forEach(function (key) { left.add(key); });
      step.arrive.forEach(function (key) { arrived.add(key); });
      now = new Set(step.leave.concat(step.arrive));
    });
    const change = new Set();
    facts.stages.forEach(function (step) { step.arrive.forEach(function (key) { change.add(key); }); });
    items.forEach(function (item) {
      const key = item.dataset.k;
      const inPlan = item.closest(".lane.plan") !== null;
      const inToday = item.closest(".lane.today") !== null;
      item.classList.toggle("gone", value >= 0 && inToday && left.has(key));
      item.classList.toggle("yet", value >= 0 && inPlan && change.has(key) && !arrived.has(key));
      item.classList.toggle("now", value > 0 && now.has(key));
    });
    arrows.forEach(function (arrow) { arrow.classList.toggle("yet", value >= 0 && !arrived.has(arrow.dataset.k)); });
    stage.value = String(value);
  }
  function step(by) {
    const last = facts.stages.length;
    const value = Number(stage.value);
    show(value < 0 ? (by > 0 ? 0 : last) : Math.min(Math.max(value + by, 0), last));
  }
  stage.addEventListener("change", function () { show(Number(stage.value)); });
  document.getElementById("back").addEventListener("click", function () { step(-1); });
  document.getElementById("forth").addEventListener("click", function () { step(1); });

  // Search: part of a function's address, class, id or driver, or of a BAR's address.
  let found = [];
  let current = -1;
  function look() {
    const wanted = search.value.trim().toLowerCase();
    found = [];
    current = -1;
    items.forEach(function (item) {
      const text = (item.dataset.k + " " + lines(item.dataset.k).map(function (pair) { return pair[1]; }).join(" "));
      const hit = wanted !== "" && text.toLowerCase().includes(wanted);
      if (hit) { found.push(item); }
      item.classList.toggle("found", hit);
      const bar = !byKey.get(item.dataset.k)[0].querySelector("rect.window");
      item.classList.toggle("bare", wanted !== "" && !hit && bar);
    });
    arrows.forEach(function (arrow) {
      const ends = byKey.get(arrow.dataset.k) || [];
      arrow.classList.toggle("bare", wanted !== "" && !ends.some(function (end) { return found.includes(end); }));
    });
    map.classList.toggle("searching", wanted !== "");
    hits.textContent = wanted === "" ? "" : found.length + (found.length === 1 ? " place" : " places");
  }
  search.addEventListener("input", look);
  search.addEventListener("keydown", function (event) {
    if (event.key === "Enter" && found.length) {
      current = (current + (event.shiftKey ? found.length - 1 : 1)) % found.length;
      pinned = found[current].dataset.k;
      tell(pinned);
      found[current].scrollIntoView({ block: "center" });
      event.preventDefault();
    }
  });
  document.querySelector("form").addEventListener("submit", function (event) { event.preventDefault(); });

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (event.key === "Escape") {
      search.value = "";
      pinned = null;
      look();
      tell(null);
      show(-1);
      return;
    }
    if (event.target === search || event.target === stage) { return; }
    if (event.key === "/") { search.focus(); event.preventDefault(); }
    if (event.key === "n") { step(1); }
    if (event.key === "p") { step(-1); }
    if (event.key === "b") { show(-1); }
  });
  document.documentElement.dataset.ready = "yes";
})();
