// The report's script: verdict filters, the search for an analysis, details of a number, curves to look into.
// Everything it needs stands in the page; it computes no number, it only shows and hides.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

// --- verdicts ---

function setUpVerdicts(form) {
  const rows = $$("#verdict-table tbody tr");
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const asked = new URLSearchParams(location.search).get("verdict");
  const boxes = $$("[name=verdict]", form);
  if (asked !== null) boxes.forEach((box) => { box.checked = box.value === asked; });
  const apply = () => {
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const place = form.elements.place.value;
    const cutOff = form.elements.cutoff ? form.elements.cutoff.value : "";
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, at) => {
      const { verdict, place: own, cutoff } = row.dataset;
      const fits = verdicts.has(verdict) && (!place || own === place) && (!cutOff || cutoff === cutOff)
        && words.every((word) => texts[at].includes(word));
      row.hidden = !fits;
      shown += fits;
    });
    $("#shown").textContent = `${shown} of ${rows.length} numbers`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    boxes.forEach((box) => { box.checked = true; });
    apply();
  }));
  form.hidden = false;
  apply();
}

// --- numbers ---

function setUpNumbers(form) {
  const analyses = $$("details.analysis");
  const texts = analyses.map((one) => $("summary", one).textContent.toLowerCase());
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    analyses.forEach((one, at) => {
      one.hidden = !words.every((word) => texts[at].includes(word));
      shown += !one.hidden;
    });
    $("#shown").textContent = `${shown} of ${analyses.length} analyses`;
  });
  form.hidden = false;
  $$("table.numbers tbody tr").forEach((row) => {
    const value = row.cells[3];
    value.replaceChildren(element("a", { class: "n", href: `#${encodeURIComponent(row.id)}` }, value.textContent));
  });
  addEventListener("hashchange", showNumber);
  showNumber();
}

function showNumber() {
  $$("tr.detail").forEach((row) => row.remove());
  $$("tr.here").forEach((row) => row.classList.remove("here"));
  const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!row || !row.matches("table.numbers tr")) {
    if (row && row.matches("details")) row.open = true;
    return;
  }
  const analysis = row.closest("details");
  analysis.hidden = false;
  analysis.open = true;
  const [group, level, statistic] = [0, 1, 2].map((at) => row.cells[at].textContent.replaceAll("'", "''"));
  const sql = `${$("pre.sql", analysis).textContent} AND "GROUP" = '${group}' AND LEVEL = '${level}' AND STATISTIC = '${statistic}'`;
  row.classList.add("here");
  row.after(element("tr", { class: "detail" }, element("td", { colspan: "5" },
    element("pre", { class: "sql" }, element("code", {}, sql)))));
  row.scrollIntoView({ block: "center" });
}

// --- curves ---

const BOX = { left: 52, right: 16, top: 12, bottom: 48 };
const STEP = 0.5; // months
const SIZE = { narrowest: 280, widest: 920, lowest: 260, highest: 430 };

class Chart {
  constructor(holder, data) {
    this.holder = holder;
    this.data = data;
    this.panel = 0;
    this.month = data.ticks[Math.floor(data.ticks.length / 2)];
    this.on = data.curves.map(() => true);
    this.limits = data.curves.some((curve) => curve.upper.some((value) => value !== null));
    this.hasLimits = this.limits;
    this.build();
    this.fit();
    addEventListener("resize", () => this.fit());
  }

  build() {
    const { data, holder } = this;
    const title = holder.dataset.title;
    if (data.panels.length) {
      const select = element("select", {}, ...data.panels.map((name, at) => element("option", { value: at }, name)));
      select.addEventListener("input", () => { this.panel = Number(select.value); this.draw(); });
      holder.append(element("p", { class: "controls" }, element("label", {}, "Event ", select)));
    }
    this.lines = element("fieldset", { class: "controls" }, element("legend", {}, "Show"));
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("aria-label", `${title}: the values at the chosen month stand in the table below`);
    this.slider = element("input", { type: "range", min: 0, max: data.ticks.at(-1), step: STEP, value: this.month });
    this.at = element("output", {});
    this.readout = element("tbody", { "aria-live": "polite" });
    this.slider.addEventListener("input", () => this.move(Number(this.slider.value)));
    const follow = (event) => {
      const box = this.svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * this.width;
      const months = ((x - BOX.left) / (this.width - BOX.left - BOX.right)) * data.ticks.at(-1);
      this.move(Math.min(Math.max(Math.round(months / STEP) * STEP, 0), data.ticks.at(-1)));
    };
    this.svg.addEventListener("pointermove", follow);
    this.svg.addEventListener("pointerdown", follow);
    holder.append(
      this.lines,
      this.svg,
      element("p", { class: "controls" }, element("label", {}, `${data.x} `, this.slider), this.at),
      element("table", { class: "readout" }, this.readout),
    );
  }

  fit() {
    if (this.holder.hidden) return;
    this.width = Math.min(Math.max(this.svg.clientWidth, SIZE.narrowest), SIZE.widest);
    this.height = Math.min(Math.max(this.width * 0.55, SIZE.lowest), SIZE.highest);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.draw();
  }

  shown() {
    return this.data.curves.map((curve, at) => [curve, at]).filter(([curve]) => curve.panel === this.panel);
  }

  draw() {
    this.drawToggles();
    const { svg, data } = this;
    svg.replaceChildren();
    const visible = this.shown().filter(([, at]) => this.on[at]).map(([curve]) => curve);
    const top = data.panels.length
      ? Math.max(0.1, ...this.shown().flatMap(([curve]) => [...curve.estimate, ...curve.upper].map((value) => value ?? 0)))
      : 1;
    const step = [0.02, 0.05, 0.1, 0.2].find((one) => top / one <= 6) ?? 0.2;
    this.ceiling = Math.ceil(top / step - 1e-9) * step;
    for (let value = 0; value <= this.ceiling + 1e-9; value += step) {
      drawn("line", { class: "grid", x1: BOX.left, x2: this.width - BOX.right, y1: this.y(value), y2: this.y(value) }, svg);
      const label = drawn("text", { x: BOX.left - 8, y: this.y(value) + 4, "text-anchor": "end" }, svg);
      label.textContent = `${Math.round(value * 100)}%`;
    }
    for (const tick of data.ticks) {
      drawn("line", { class: "axis", x1: this.x(tick), x2: this.x(tick), y1: this.y(0), y2: this.y(0) + 5 }, svg);
      const label = drawn("text", { x: this.x(tick), y: this.y(0) + 19, "text-anchor": "middle" }, svg);
      label.textContent = tick;
    }
    drawn("line", { class: "axis", x1: BOX.left, x2: this.width - BOX.right, y1: this.y(0), y2: this.y(0) }, svg);
    drawn("line", { class: "axis", x1: BOX.left, x2: BOX.left, y1: this.y(0), y2: this.y(this.ceiling) }, svg);
    const name = drawn("text", { x: (BOX.left + this.width) / 2, y: this.height - 10, "text-anchor": "middle" }, svg);
    name.textContent = data.x;
    visible.forEach((curve) => this.drawCurve(curve));
    this.cursor = drawn("line", { class: "cursor", y1: this.y(0), y2: this.y(this.ceiling) }, svg);
    this.dots = drawn("g", {}, svg);
    this.move(this.month);
  }

  drawToggles() {
    const toggle = (label, checked, change) => {
      const box = element("input", { type: "checkbox" });
      box.checked = checked;
      box.addEventListener("input", () => { change(box.checked); this.draw(); });
      return element("label", {}, box, label);
    };
    const focused = [...this.lines.querySelectorAll("input")].indexOf(document.activeElement);
    const labels = this.shown().map(([curve, at]) => {
      const swatch = element("span", { class: "swatch", style: `border-color:${curve.colour};border-top-style:${curve.dash.length ? "dashed" : "solid"}` });
      const label = toggle("", this.on[at], (checked) => { this.on[at] = checked; });
      label.append(swatch, curve.label);
      return label;
    });
    if (this.hasLimits) labels.push(toggle("95% intervals", this.limits, (checked) => { this.limits = checked; }));
    this.lines.replaceChildren(this.lines.firstChild, ...labels);
    if (focused >= 0) this.lines.querySelectorAll("input")[focused].focus();
  }

  drawCurve(curve) {
    const end = this.data.ticks.at(-1);
    const steps = (values) => {
      const points = [];
      curve.time.forEach((time, at) => {
        if (values[at] === null || time > end) return;
        if (points.length) points.push([time, points.at(-1)[1]]);
        points.push([time, values[at]]);
      });
      if (points.length) points.push([Math.min(curve.time.at(-1), end), points.at(-1)[1]]);
      return points;
    };
    const path = (points) => points.map(([time, value], at) => `${at ? "L" : "M"}${this.x(time).toFixed(1)} ${this.y(value).toFixed(1)}`).join("");
    if (this.limits) {
      const [lower, upper] = [steps(curve.lower), steps(curve.upper)];
      if (lower.length && upper.length) {
        drawn("path", { d: `${path(lower)}${path(upper.reverse()).replace("M", "L")}Z`, fill: curve.colour, opacity: 0.13 }, this.svg);
      }
    }
    drawn("path", { d: path(steps(curve.estimate)), fill: "none", stroke: curve.colour, "stroke-width": 2.2, "stroke-dasharray": curve.dash.map((one) => one * 2).join(" ") }, this.svg);
    if (!this.data.panels.length) {
      const ticks = curve.censored.filter((at) => curve.time[at] <= end)
        .map((at) => `M${this.x(curve.time[at]).toFixed(1)} ${(this.y(curve.estimate[at]) - 4).toFixed(1)}v8`);
      drawn("path", { d: ticks.join(""), stroke: curve.colour, "stroke-width": 0.9 }, this.svg);
    }
  }

  move(month) {
    this.month = month;
    this.slider.value = month;
    this.at.textContent = `${Number(this.slider.value)} months`;
    this.cursor.setAttribute("x1", this.x(month));
    this.cursor.setAttribute("x2", this.x(month));
    this.dots.replaceChildren();
    const rows = this.shown().filter(([, at]) => this.on[at]).map(([curve]) => {
      const at = curve.time.findLastIndex((time) => time <= month);
      if (at >= 0) drawn("circle", { cx: this.x(month), cy: this.y(curve.estimate[at]), r: 4, fill: curve.colour }, this.dots);
      const swatch = element("span", { class: "swatch", style: `border-color:${curve.colour};border-top-style:${curve.dash.length ? "dashed" : "solid"}` });
      return element("tr", {}, element("th", { scope: "row" }, swatch, curve.label), element("td", {}, at < 0 ? "" : curve.words[at]));
    });
    this.readout.replaceChildren(...rows);
  }

  x(month) { return BOX.left + (month / this.data.ticks.at(-1)) * (this.width - BOX.left - BOX.right); }

  y(value) { return this.height - BOX.bottom - (value / this.ceiling) * (this.height - BOX.top - BOX.bottom); }
}

function setUpFigure(figure) {
  const button = $("button.look", figure);
  const [still, holder] = [$(".still", figure), $(".chart", figure)];
  let chart = null;
  button.hidden = false;
  button.addEventListener("click", () => {
    const closer = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", closer);
    holder.hidden = !closer;
    still.hidden = closer;
    if (chart) chart.fit();
    else chart = new Chart(holder, JSON.parse($("script.chart-data", figure).textContent));
  });
}

$("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
const [filters, find] = [$("#filters"), $("#find")];
if (filters) setUpVerdicts(filters);
if (find) setUpNumbers(find);
$$("figure.figure").filter((figure) => $("button.look", figure)).forEach(setUpFigure);
