"use strict";

// Draws what the page has as numbers, with Chart.js. Names become text on a canvas, never markup.

const PARTS = 12, QUARTERS = 4, PER_QUARTER = PARTS / QUARTERS, OLDEST = 3;
const byId = id => document.getElementById(id);
const day = JSON.parse(byId("numbers").textContent);
const parts = day.spreads.map((_spread, part) => part);
let charts = [];

function style(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function axis(title, more) {
  return {
    beginAtZero: true, grid: { color: style("--line") }, title: { display: true, text: title },
    // Both charts have their hours at the same places.
    afterFit: scale => { scale.width = 5 * Chart.defaults.font.size; }, ...more };
}

function hours() {
  return {
    type: "linear", min: 0, max: parts.length / PARTS, offset: false,
    grid: { color: style("--line"), offset: false },
    ticks: { stepSize: 1, maxRotation: 0, callback: hour => day.clocks[hour * PARTS] } };
}

function draw(id, datasets, scales, titleOf, labelOf) {
  charts.push(new Chart(byId(id), {
    data: { datasets },
    options: {
      animation: false, maintainAspectRatio: false, interaction: { mode: "index", intersect: false }, scales,
      plugins: {
        legend: { labels: { boxWidth: Chart.defaults.font.size } },
        tooltip: {
          filter: item => item.raw.y !== null,
          callbacks: { title: items => items.slice(0, 1).map(item => titleOf(item.dataIndex)), label: labelOf } } } } }));
}

function drawAgents() {
  const colours = style("--areas").split(/\s+/);
  const areas = day.dialers.map((dialer, number) => ({
    type: "line", label: dialer.name, yAxisID: "yAgents", stepped: true, pointRadius: 0, borderWidth: 0,
    fill: number ? "-1" : "origin", backgroundColor: colours[number % colours.length],
    data: parts.map(part => ({ x: part / PARTS, y: dialer.agents[part] })) }));
  const spread = {
    type: "line", label: "spread", yAxisID: "ySpread", stepped: true, pointRadius: 0, borderWidth: 1.5,
    borderColor: style("--ink"), backgroundColor: style("--ink"),
    data: parts.map(part => ({ x: part / PARTS, y: day.spreads[part] })) };
  const happened = parts.map(part => day.events.filter(event => event.part === part));
  const events = {
    type: "bar", label: "changes of dialers", yAxisID: "yEvents", barThickness: 2, backgroundColor: style("--dead"),
    data: parts.map(part => ({ x: part / PARTS, y: happened[part].length ? 1 : null })) };
  draw("agents", [events, spread, ...areas], {
    x: hours(),
    yAgents: axis("local agents", { stacked: true, stack: "left", stackWeight: 3 }),
    // Its zero is where the other axis has its highest number.
    ySpread: axis("spread", { stack: "left", stackWeight: 1, ticks: { callback: spread => spread || null } }),
    yEvents: { display: false, min: 0, max: 1 }
  }, part => `${day.clocks[part]} to ${day.clocks[part + 1]}`, item => item.dataset.yAxisID === events.yAxisID
    ? happened[item.dataIndex].map(event => event.words) : `${item.dataset.label}: ${item.raw.y}`);
}

function drawLogins() {
  const bars = (label, counts, colour) => ({
    type: "bar", label, backgroundColor: style(colour), categoryPercentage: 1,
    data: counts.map((count, quarter) => ({ x: (quarter + 0.5) / QUARTERS, y: count })) });
  draw("logins", [bars("logins", day.logins, "--closed"), bars("refusals", day.refusals, "--dead")], {
    x: { ...hours(), stacked: true },
    y: axis("per 15 min", { stacked: true, ticks: { precision: 0 } })
  }, quarter => `${day.clocks[quarter * PER_QUARTER]} to ${day.clocks[(quarter + 1) * PER_QUARTER]}`,
  item => `${item.dataset.label}: ${item.raw.y}`);
}

function show() {
  for (const chart of charts) { chart.destroy(); }
  charts = [];
  Chart.defaults.color = style("--soft");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 0.75 * parseFloat(getComputedStyle(document.documentElement).fontSize);
  drawAgents();
  drawLogins();
}

if (window.Chart && parseInt(Chart.version, 10) >= OLDEST) {
  byId("drawn").hidden = false;
  show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
} else {
  byId("undrawn").hidden = false;
}
