/* What a page gains where scripts run. Everything works without this file; nothing here draws content. */
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("has-script");
  const on = (type, run, options) => document.addEventListener(type, run, options);
  const isTyping = (node) => node.closest("input, textarea, select, [contenteditable]") !== null;

  // Requests by htmx carry the same proof as forms do.
  on("htmx:configRequest", (event) => {
    const proof = document.querySelector('meta[name="csrf-token"]');
    if (proof && event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = proof.content;
  });

  // Light or dark: remembered in a cookie, so that the server sends the next page right from its first byte.
  on("submit", (event) => {
    const form = event.target.closest("form[data-scheme]");
    if (!form || !event.submitter) return;
    event.preventDefault();
    const chosen = event.submitter.value;
    document.cookie = `tenure_scheme=${chosen};path=/;max-age=${chosen ? 31536000 : 0};samesite=lax`;
    if (chosen) root.dataset.theme = chosen;
    else delete root.dataset.theme;
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === chosen));
  });

  // Menus close on Escape and when something else is pressed; the keyboard returns to where it was.
  const openMenus = () => document.querySelectorAll("details.menu[open]");
  on("click", (event) => openMenus().forEach((menu) => menu.contains(event.target) || (menu.open = false)));
  on("focusin", (event) => openMenus().forEach((menu) => menu.contains(event.target) || (menu.open = false)));

  // Keys: / searches, j and k walk the rows of a table, Enter follows the row's first link, Escape closes.
  const rowLinks = () =>
    [...document.querySelectorAll("main table[data-rows] tbody tr, main .queue > li")]
      .filter((row) => row.offsetParent)
      .map((row) => row.querySelector("a[href]"))
      .filter(Boolean);
  const step = (by) => {
    const links = rowLinks();
    if (!links.length) return;
    const row = document.activeElement.closest("tr, .queue > li");
    const now = links.findIndex((link) => row && row.contains(link));
    const next = links[Math.min(links.length - 1, Math.max(0, now < 0 ? 0 : now + by))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  on("keydown", (event) => {
    if (event.key === "Escape") {
      openMenus().forEach((menu) => {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
      hideTip();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") walkChart(event);
  });

  // A form marked data-confirm asks first; no form is sent twice by a second click.
  const ask = (sentence, verb, run) => {
    const dialog = document.createElement("dialog");
    const words = Object.assign(document.createElement("p"), { textContent: sentence });
    const row = Object.assign(document.createElement("div"), { className: "form-actions" });
    const yes = Object.assign(document.createElement("button"), { className: "button primary", textContent: verb, type: "button" });
    const no = Object.assign(document.createElement("button"), { className: "button quiet", textContent: "Cancel", type: "button" });
    yes.addEventListener("click", () => (dialog.close(), run()));
    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    row.append(yes, no);
    dialog.append(words, row);
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  };
  on("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.confirm && form.dataset.asked !== "yes") {
      event.preventDefault();
      event.stopImmediatePropagation();
      const button = event.submitter;
      ask(form.dataset.confirm, (button && button.textContent.trim()) || "Continue", () => {
        form.dataset.asked = "yes";
        form.requestSubmit(button);
      });
    } else if (form.dataset.sent) event.preventDefault();
    else if (!form.closest("[hx-post]")) form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () =>
    document.querySelectorAll("form[data-sent]").forEach((form) => {
      delete form.dataset.sent;
      delete form.dataset.asked;
    }),
  );

  // A file over the limit is told before it is sent.
  on("change", (event) => {
    const field = event.target.closest('input[type="file"]');
    const limit = document.querySelector('meta[name="upload-limit"]');
    if (!field || !limit) return;
    const large = [...field.files].find((file) => file.size > Number(limit.content));
    const inMiB = (size) => Math.ceil(size / 1048576).toLocaleString("en");
    field.setCustomValidity(large ? `${large.name} has ${inMiB(large.size)} MiB; ${inMiB(limit.content)} MiB are the limit here. Split it, or compress it.` : "");
    if (large) field.reportValidity();
  });

  on("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy !== undefined) {
      await navigator.clipboard.writeText(button.dataset.copy);
      say(button, "Copied");
    }
    if (button.dataset.print !== undefined) window.print();
    if (button.dataset.addRow !== undefined) addRow(button);
  });

  // One more row of a formset, from the empty one that the page carries in a template.
  const addRow = (button) => {
    const box = button.closest("[data-formset]");
    const total = box.querySelector('[name$="-TOTAL_FORMS"]');
    const row = box.querySelector("template").content.cloneNode(true);
    for (const node of row.querySelectorAll("[name], [id], [for], [aria-describedby]"))
      for (const name of ["name", "id", "for", "aria-describedby"])
        if (node.hasAttribute(name)) node.setAttribute(name, node.getAttribute(name).replaceAll("__prefix__", total.value));
    total.value = Number(total.value) + 1;
    const body = box.querySelector("tbody");
    body.append(row);
    body.lastElementChild.querySelector("input, select, textarea").focus();
  };

  // Values of a chart follow the pointer, or the arrow keys once the chart has the focus.
  let tip = null;
  const wordsOf = (shape) => {
    const title = shape.querySelector(":scope > title");
    if (title) {
      shape.dataset.words = title.textContent;
      title.remove(); // the browser would show it a second time
    }
    return shape.dataset.words;
  };
  const hideTip = () => {
    if (tip) tip.remove();
    tip = null;
    document.querySelectorAll(".plot .lit").forEach((shape) => shape.classList.remove("lit"));
  };
  const placeTip = (holder, near, words) => {
    hideTip();
    tip = Object.assign(document.createElement("div"), { className: "tip", textContent: words });
    tip.setAttribute("role", "status");
    holder.append(tip);
    const box = holder.getBoundingClientRect();
    const left = near.left + near.width / 2 - box.left - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(0, Math.min(left, box.width - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(0, near.top - box.top - tip.offsetHeight - 8)}px`;
  };
  const showTip = (shape) => {
    const holder = shape.closest("[data-chart]");
    const words = wordsOf(shape);
    if (!holder || !words) return;
    placeTip(holder, shape.getBoundingClientRect(), words);
    shape.classList.add("lit");
  };
  const say = (node, words) => {
    const holder = node.parentElement;
    holder.classList.add("holds-tip");
    placeTip(holder, node.getBoundingClientRect(), words);
    setTimeout(hideTip, 1200);
  };
  const SHAPES = ".dot, .bar, .cell, .point, .sense, .past, g";
  on("pointerover", (event) => {
    const shape = event.target.closest && event.target.closest("[data-chart] .plot :is(" + SHAPES + ")");
    if (shape) showTip(shape);
    else if (tip && !event.target.closest(".holds-tip")) hideTip();
  });
  const walkChart = (event) => {
    const holder = event.target.closest("[data-chart]");
    if (!holder) return;
    const shapes = [...holder.querySelectorAll(`.plot :is(${SHAPES})`)].filter(wordsOf);
    const now = shapes.findIndex((shape) => shape.classList.contains("lit"));
    const next = shapes[now + (event.key === "ArrowRight" ? 1 : -1)] || shapes[now < 0 ? 0 : now];
    if (!next) return;
    event.preventDefault();
    showTip(next);
  };

  // A list that is wider than the page scrolls inside its own box; only then it gives up its sticky head.
  const fit = () =>
    document.querySelectorAll(".page-table").forEach((box) => {
      box.classList.remove("is-wide");
      box.classList.toggle("is-wide", box.scrollWidth > box.clientWidth + 1);
    });
  fit();
  window.addEventListener("resize", fit);
  on("htmx:afterSettle", fit);

  // What went wrong in a form is read first.
  const first = document.querySelector("[data-focus]");
  if (first) first.focus();
})();
