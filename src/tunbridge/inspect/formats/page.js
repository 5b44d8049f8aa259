"use strict";
// What the page does: move the picture, show what is known of a thing, find things. Names are only ever set as text.
(() => {
  const id = (name) => document.getElementById(name);
  const { things, left_out: leftOut, kinds } = JSON.parse(id("ui-data").textContent);
  const stage = id("ui-stage"), svg = stage.querySelector("svg");
  const whole = { x: 0, y: 0, w: svg.viewBox.baseVal.width, h: svg.viewBox.baseVal.height };
  const numbers = (element) => element.dataset.at.split(" ").filter(Boolean).map(Number);
  const boxes = [...svg.querySelectorAll("rect[data-at]")];
  const shapes = new Map(); // number of a thing -> its shapes, boxes before wires
  for (const shape of [...boxes, ...svg.querySelectorAll("path[data-at]")]) {
    for (const n of numbers(shape)) {
      if (!shapes.has(n)) shapes.set(n, []);
      shapes.get(n).push(shape);
    }
  }
  const make = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const say = (text) => { id("ui-said").textContent = text; };

  // --- the view: the part of the picture that is seen, with the proportions of the stage
  let view = { ...whole }, isWhole = true;
  const show = () => svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
  const fit = () => {
    const ratio = stage.clientWidth / Math.max(1, stage.clientHeight);
    const w = Math.max(whole.w, whole.h * ratio);
    view = { x: (whole.w - w) / 2, y: 0, w, h: w / ratio };
    view.y = Math.min(0, (whole.h - view.h) / 2);
    isWhole = true;
    show();
  };
  const place = (x, y, w) => { // keep some of the picture in sight
    const h = w * stage.clientHeight / Math.max(1, stage.clientWidth);
    view = {
      x: Math.min(Math.max(x, -w * 0.8), whole.w - w * 0.2), y: Math.min(Math.max(y, -h * 0.8), whole.h - h * 0.2), w, h,
    };
    isWhole = false;
    show();
  };
  const zoom = (factor, px = 0.5, py = 0.5) => {
    cancelAnimationFrame(flight);
    const most = Math.max(whole.w, whole.h * stage.clientWidth / Math.max(1, stage.clientHeight)) * 1.6;
    const w = Math.min(Math.max(view.w / factor, 120), most);
    place(view.x + (view.w - w) * px, view.y + (view.h - w * view.h / view.w) * py, w);
  };
  const within = (event) => {
    const box = stage.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const turned = event.deltaY * (event.deltaMode ? 30 : event.ctrlKey ? 4 : 1); // ctrl: two fingers on a touchpad
    zoom(Math.exp(-Math.max(-100, Math.min(100, turned)) / 300), ...within(event));
  }, { passive: false });
  id("ui-in").addEventListener("click", () => zoom(1.4));
  id("ui-out").addEventListener("click", () => zoom(1 / 1.4));
  id("ui-fit").addEventListener("click", () => { cancelAnimationFrame(flight); fit(); });

  // --- pointers: one drags, two zoom, one that hardly moved is a click
  const pointers = new Map();
  let moved = 0, pressed = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!pointers.size) { moved = 0; pressed = event.target.closest("[data-at]"); }
    pointers.set(event.pointerId, event);
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("ui-drag");
  });
  stage.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) { if (event.pointerType === "mouse") hover(event.target.closest("[data-at]")); return; }
    const dx = event.clientX - last.clientX, dy = event.clientY - last.clientY;
    moved += Math.abs(dx) + Math.abs(dy);
    if (pointers.size === 2) {
      const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
      const apart = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY);
      zoom(apart(event) / Math.max(1, apart(last)), ...within(event));
    } else if (moved > 4) {
      place(view.x - dx * view.w / stage.clientWidth, view.y - dy * view.h / stage.clientHeight, view.w);
    }
    pointers.set(event.pointerId, event);
  });
  const release = (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size) return;
    stage.classList.remove("ui-drag");
    if (event.type === "pointerup" && moved <= 4) {
      if (boxes.includes(pressed)) rove(pressed, false);
      choose(pressed ? numbers(pressed) : []);
    }
  };
  stage.addEventListener("pointerup", release);
  stage.addEventListener("pointercancel", release);
  stage.addEventListener("pointerleave", () => hover(null));

  // --- details: of what is pointed at, else of what was chosen
  const above = (n) => things[n].up === null ? "" : ` ${things[n].kind === "bridge" ? "on" : "of"} ${things[things[n].up].name}${above(things[n].up)}`;
  const title = (n) => `${kinds[things[n].kind]} ${things[n].name}${above(n)}`;
  let chosen = [], told = null;
  const item = (n) => {
    const thing = things[n], button = make("button", `ui-item${thing.severity ? ` ui-of-${thing.severity}` : ""}`, thing.name);
    button.type = "button";
    if (thing.note) button.append(" ", make("small", "", thing.note));
    if (thing.severity) button.append(make("span", "ui-hidden", `, ${thing.severity}`));
    button.addEventListener("click", () => lead([n]));
    return button;
  };
  const about = (n) => {
    const thing = things[n], part = make("div", "ui-about");
    part.append(make("p", "ui-name", thing.name), make("p", "ui-kind", kinds[thing.kind] + above(n)));
    const list = make("dl");
    for (const [label, value] of thing.rows) list.append(make("dt", "", label), make("dd", "", value));
    part.append(list);
    for (const note of thing.notes || []) part.append(make("p", `ui-note ui-of-${thing.severity}`, note));
    if (thing.peer !== undefined) {
      const button = make("button", "", "Go to the other end");
      button.type = "button";
      button.addEventListener("click", () => lead([thing.peer]));
      part.append(button);
    }
    return part;
  };
  const tell = (list) => {
    if (told === list.join()) return;
    told = list.join();
    let parts;
    if (!list.length) parts = [make("p", "ui-none", "Point at anything in the picture; click to keep it here.")];
    else if (list.length <= 3) parts = list.map(about);
    else {
      parts = [make("p", "ui-name", `${list.length} ${kinds[things[list[0]].kind]}s drawn as one`), ...list.slice(0, 40).map(item)];
      if (list.length > 40) parts.push(make("p", "ui-none", `and ${list.length - 40} more: search finds them`));
    }
    id("ui-details").replaceChildren(...parts);
  };
  const hover = (shape) => tell(shape ? numbers(shape) : chosen);
  const choose = (list) => {
    chosen = list;
    for (const shape of svg.querySelectorAll(".ui-now")) shape.classList.remove("ui-now");
    for (const n of list) for (const shape of shapes.get(n) || []) shape.classList.add("ui-now");
    tell(list);
    say(list.length ? words(list) : "Nothing is chosen");
  };
  const words = (list) => {
    const thing = things[list[0]];
    if (list.length > 3) return `${list.length} ${kinds[thing.kind]}s drawn as one, ${thing.name} to ${things[list.at(-1)].name}`;
    return list.map((n) => [title(n), things[n].note, things[n].severity].filter(Boolean).join(", ")).join("; ");
  };

  // --- lead the eye: bring a thing into sight, large enough to be read
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let flight = 0;
  const seen = (list) => { // the shape of the first of them, or of what it is in
    for (let n = list[0]; n !== undefined && n !== null; n = things[n].up) if (shapes.has(n)) return shapes.get(n)[0];
    return null;
  };
  const lead = (list) => {
    choose(list);
    const shape = seen(list);
    if (!shape) return;
    if (!shapes.has(list[0])) shape.classList.add("ui-now");
    fly(shape);
  };
  const fly = (shape) => {
    const box = shape.getBBox(), from = { ...view };
    const w = Math.max(Math.min(view.w, stage.clientWidth * 1.1), box.width * 1.15);
    const h = w * stage.clientHeight / Math.max(1, stage.clientWidth);
    const to = { x: box.x + box.width / 2 - w / 2, y: box.y + box.height / 2 - h / 2, w };
    cancelAnimationFrame(flight);
    if (calm.matches) { place(to.x, to.y, to.w); return; }
    const start = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - start) / 250)), s = t * (2 - t);
      place(from.x + (to.x - from.x) * s, from.y + (to.y - from.y) * s, from.w + (to.w - from.w) * s);
      if (t < 1) flight = requestAnimationFrame(step);
    };
    flight = requestAnimationFrame(step);
  };
  const copy = (text) => { // pages from disk may have no clipboard: then as a selection
    const old = () => {
      const field = make("textarea", "ui-hidden");
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done ? Promise.resolve() : Promise.reject(new Error("not allowed"));
    };
    return navigator.clipboard ? navigator.clipboard.writeText(text).catch(old) : old();
  };
  for (const button of document.querySelectorAll(".ui-copy")) button.addEventListener("click", () => {
    const told = (text) => {
      button.textContent = text;
      say(text);
      setTimeout(() => { button.textContent = "Copy the fix"; }, 2000);
    };
    copy(button.parentElement.querySelector(".ui-fix").textContent).then(() => told("Copied"), () => told("Cannot be copied here"));
  });
  for (const button of document.querySelectorAll(".ui-finding")) button.addEventListener("click", () => lead(numbers(button)));

  // --- the keyboard: the stage is one stop of Tab and the shape at hand another; arrows go from shape to shape
  let hand = null;
  const rove = (shape, isFocused = true) => {
    if (hand) hand.tabIndex = -1;
    hand = shape;
    hand.tabIndex = 0;
    if (isFocused) hand.focus({ preventScroll: true });
  };
  for (const box of boxes) {
    box.tabIndex = -1;
    box.setAttribute("role", "button");
    box.setAttribute("aria-label", words(numbers(box)));
    box.addEventListener("focus", () => { tell(numbers(box)); if (box.matches(":focus-visible")) peek(box); });
  }
  const peek = (box) => {
    const at = box.getBBox();
    const isIn = at.x >= view.x && at.y >= view.y && at.x + at.width <= view.x + view.w && at.y + at.height <= view.y + view.h;
    if (!isIn) fly(box);
  };
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const middle = (box) => { const b = box.getBBox(); return [b.x + b.width / 2, b.y + Math.min(b.height / 2, 24)]; };
  const next = ([dx, dy]) => { // the nearest shape that way; what lies aside counts as further away
    const [x, y] = middle(hand);
    let best = null, least = Infinity;
    for (const box of boxes) {
      const [bx, by] = middle(box), along = (bx - x) * dx + (by - y) * dy, aside = Math.abs((bx - x) * dy) + Math.abs((by - y) * dx);
      if (box !== hand && along > 0.5 && along + 2.5 * aside < least) [best, least] = [box, along + 2.5 * aside];
    }
    if (best) rove(best);
  };
  const keys = { "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), "0": () => { cancelAnimationFrame(flight); fit(); } };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isIn = boxes.includes(event.target);
    if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else if (Object.hasOwn(ways, event.key)) {
      const [dx, dy] = ways[event.key];
      if (isIn) next(ways[event.key]);
      else place(view.x + dx * view.w / 10, view.y + dy * view.h / 10, view.w);
    } else if (event.key === "Enter" || event.key === " ") {
      if (isIn) choose(numbers(event.target));
      else if (hand) rove(hand);
    } else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && event.target !== search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape") {
      if (event.target === search && search.value) { search.value = ""; seek(); }
      else if (boxes.includes(event.target)) stage.focus();
      choose([]);
    }
  });

  // --- search: all words must be in the name or in what is told of it (where it is, addresses, tags); names come before what is told
  const haystack = things.map((thing, n) => [thing.name, kinds[thing.kind], above(n), ...thing.rows.flat()].join(" ").toLowerCase());
  const search = id("ui-search"), hits = id("ui-hits"), results = id("ui-results");
  const MOST = 50; // matches that are listed
  let found = [], at = -1;
  const seek = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = wanted.length ? things.map((_, n) => n).filter((n) => wanted.every((word) => haystack[n].includes(word))) : [];
    const rank = (n) => {
      const name = things[n].name.toLowerCase();
      return wanted.some((word) => name === word) ? 0 : wanted.some((word) => name.includes(word)) ? 1 : 2;
    };
    const ranks = new Map(found.map((n) => [n, rank(n)]));
    found.sort((a, b) => ranks.get(a) - ranks.get(b) || a - b);
    at = -1;
    for (const shape of svg.querySelectorAll(".ui-hit")) shape.classList.remove("ui-hit");
    for (const n of found) for (const shape of shapes.get(n) || []) shape.classList.add("ui-hit");
    const missing = leftOut ? `; ${leftOut} tunnels in order are not searched` : "";
    const listed = found.length > MOST ? `, the first ${MOST} listed` : "";
    hits.textContent = wanted.length ? `${found.length} ${found.length === 1 ? "match" : "matches"}${listed}${missing}` : "";
    results.replaceChildren(...found.slice(0, MOST).map((n, i) => {
      const entry = make("li"), button = item(n);
      button.querySelector("small")?.remove();
      button.append(" ", make("small", "", kinds[things[n].kind] + above(n)));
      button.addEventListener("click", () => mark(i));
      entry.append(button);
      return entry;
    }));
  };
  const mark = (i) => {
    at = i;
    results.querySelector("[aria-current]")?.removeAttribute("aria-current");
    const button = results.children[i]?.firstChild;
    if (button) { button.setAttribute("aria-current", "true"); button.scrollIntoView({ block: "nearest" }); }
    hits.textContent = `${i + 1} of ${found.length}: ${things[found[i]].name}${above(found[i])}`;
  };
  const step = (by) => {
    if (!found.length) return;
    mark(at < 0 && by < 0 ? found.length - 1 : (at + by + found.length) % found.length);
    lead([found[at]]);
  };
  search.addEventListener("input", seek);
  id("ui-form").addEventListener("submit", (event) => { event.preventDefault(); step(1); });
  id("ui-prev").addEventListener("click", () => step(-1));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); step(-1); }
    if (event.key === "ArrowDown" && results.firstChild) { event.preventDefault(); results.querySelector("button").focus(); }
  });
  results.addEventListener("keydown", (event) => {
    const by = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (!by) return;
    event.preventDefault();
    (event.target.closest("li")[by]?.firstChild || search).focus();
  });

  // --- contents: the same as lists, filled when they are opened
  const below = new Map();
  things.forEach((thing, n) => {
    if (!below.has(thing.up)) below.set(thing.up, []);
    below.get(thing.up).push(n);
  });
  const branch = (n) => {
    if (!below.has(n)) return item(n);
    const part = make("details"), summary = make("summary", "", `${things[n].name}${things[n].note ? `, ${things[n].note}` : ""}`);
    if (things[n].severity) summary.append(`, ${things[n].severity}`);
    part.append(summary);
    part.addEventListener("toggle", () => {
      if (part.open && part.children.length === 1) {
        const self = item(n);
        self.textContent = `Show ${things[n].name}`;
        part.append(self, ...below.get(n).map(branch));
      }
    });
    return part;
  };
  id("ui-tree").append(...(below.get(null) || []).map(branch));

  // --- theme: the rules for dark are in media queries, which can be turned on and off
  const dark = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => rule.media && rule.media.mediaText.includes("prefers-color-scheme")).map((rule) => rule.media);
  const themes = { auto: "(prefers-color-scheme: dark)", light: "not all", dark: "all" };
  let theme = "auto";
  id("ui-theme").addEventListener("click", () => {
    theme = { auto: "light", light: "dark", dark: "auto" }[theme];
    for (const media of dark) media.mediaText = themes[theme];
    document.documentElement.style.colorScheme = theme === "auto" ? "" : theme;
    id("ui-theme").textContent = `Theme: ${theme}`;
  });

  for (const tip of svg.querySelectorAll("rect > title, circle > title")) tip.remove(); // the panel tells it, and more
  for (const text of svg.querySelectorAll("text")) text.setAttribute("aria-hidden", "true"); // the boxes have names
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  if (boxes.length) rove(boxes[0], false);
  tell([]);
  new ResizeObserver(() => (isWhole ? fit() : place(view.x, view.y, view.w))).observe(stage);
  fit();
})();
