// On paper the map is cut into sheets, each with its own bands alone and with lines in place of patterns: browsers
// print a pattern as a blurred picture of its own, and a large machine as a hundred megabytes of them.
"use strict";
(function () {
  const cuts = JSON.parse(document.getElementById("facts").textContent).sheets;
  const map = document.querySelector("svg.map");
  const HATCH = 9;
  const DOTS = 5;

  function number(rect, name) { return Number(rect.getAttribute(name)); }

  function line(rect, className, d) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", className);
    path.setAttribute("d", d);
    rect.after(path);
  }

  // Rising lines through the whole of a box.
  function hatch(rect) {
    const x = number(rect, "x"), y = number(rect, "y"), w = number(rect, "width"), h = number(rect, "height");
    let d = "";
    for (let at = HATCH / 2; at < w + h; at += HATCH) {
      const from = Math.max(0, at - h), to = Math.min(w, at);
      d += "M" + [x + from, y + at - from] + "L" + [x + to, y + at - to];
    }
    line(rect, "hatched", d);
    rect.remove();
  }

  function dots(rect) {
    const x = number(rect, "x"), y = number(rect, "y"), w = number(rect, "width"), h = number(rect, "height");
    let d = "";
    for (let at = DOTS / 2; at < h; at += DOTS) { d += "M" + [x + 1, y + at] + "h" + Math.max(w - 2, 0); }
    line(rect, "dotted", d);
    rect.remove();
  }

  function sheet(top, height) {
    const svg = map.cloneNode(true);
    svg.setAttribute("viewBox", ["0", top, map.getAttribute("width"), height].join(" "));
    svg.setAttribute("height", height);
    svg.querySelectorAll(".band").forEach(function (band) {
      if (band.dataset.top >= top + height || band.dataset.bottom <= top) { band.remove(); }
    });
    svg.querySelectorAll('rect[fill="url(#hatch)"]').forEach(hatch);
    svg.querySelectorAll(".band rect.waste").forEach(dots);
    return svg;
  }

  window.addEventListener("beforeprint", function () {
    map.querySelectorAll(".band").forEach(function (band) {
      const box = band.getBBox();
      const top = band.transform.baseVal.getItem(0).matrix.f + box.y;
      band.dataset.top = top;
      band.dataset.bottom = top + box.height;
    });
    map.before(...cuts.map(function (cut) { return sheet(cut[0], cut[1]); }));
    map.classList.add("whole");
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll("svg.map").forEach(function (svg) { if (svg !== map) { svg.remove(); } });
    map.classList.remove("whole");
  });
})();
