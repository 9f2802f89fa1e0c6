"use strict";

// Asks for the floor once a second, and goes on whatever the service does. Whatever comes from the
// database becomes text, never markup.

const EVERY = 1000, LONGEST_ANSWER = 5000, MOST_ROWS = 200, OLD = 5, ROUNDING = 200;
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const EVENTS = {
  dialer_added: "was added", dialer_removed: "was removed", dialer_opened: "takes logins",
  dialer_closed: "is closed for logins", dialer_dead: "is dead", dialer_back: "is back" };

const byId = id => document.getElementById(id);
let floor = null, made = -Infinity, answered = null, timer = null;

function element(name, text, className) {
  const found = document.createElement(name);
  if (text !== undefined) { found.textContent = text; }
  if (className) { found.className = className; }
  return found;
}

function row(...cells) {
  const line = element("tr");
  line.append(...cells);
  return line;
}

function duration(seconds) {
  if (seconds === null) { return "not known"; }
  if (seconds < MINUTE) { return `${seconds} s`; }
  if (seconds < HOUR) { return `${Math.floor(seconds / MINUTE)} min`; }
  if (seconds < DAY) { return `${Math.floor(seconds / HOUR)} h ${Math.floor(seconds % HOUR / MINUTE)} min`; }
  return `${Math.floor(seconds / DAY)} d`;
}

function clock(date) { return date.toLocaleTimeString(); }

function agents(count) { return count === 1 ? "1 agent" : `${count} agents`; }

function share(dialer) { return dialer.local_agents / dialer.weight; }

// -- what is shown ---------------------------------------------------------------------------

function dialerRow(dialer, highest) {
  const name = element("td", dialer.server_id);
  name.append(element("small", dialer.server_ip));
  const limit = dialer.max_agents === null ? "" : ` of ${dialer.max_agents} at most`;
  const remote = dialer.remote_agents ? `, ${dialer.remote_agents} remote` : "";
  const weight = dialer.weight === 1 ? "" : `, weight ${dialer.weight}`;
  const count = element("td", agents(dialer.local_agents) + limit + remote + weight, "count");
  const bar = element("div", undefined, `bar ${dialer.condition}`);
  bar.style.width = `${highest ? 100 * share(dialer) / highest : 0}%`;
  count.append(bar);
  const state = element("td", dialer.state, dialer.condition);
  // Of a dead dialer the state says it.
  if (dialer.condition !== "dead") {
    const beat = dialer.heartbeat_age === null ? "not known" : `${duration(dialer.heartbeat_age)} ago`;
    state.append(element("small", `heartbeat ${beat}`));
  }
  if (dialer.calls_kept) { state.append(element("small", `${dialer.calls_kept} calls without a row`)); }
  const line = row(name, count, state, element("td", `${dialer.registered} of ${dialer.phones}`, "number phones"),
    element("td", dialer.free_rooms, "number rooms"));
  line.setAttribute("role", "row");
  for (const cell of line.cells) { cell.setAttribute("role", "cell"); }
  return line;
}

function showDialers() {
  const highest = Math.max(0, ...floor.dialers.map(share));
  const all = floor.dialers.reduce((sum, dialer) => sum + dialer.local_agents, 0);
  byId("sum").textContent = `${agents(all)}, spread ${floor.spread}`;
  byId("dialers").replaceChildren(...floor.dialers.map(dialer => dialerRow(dialer, highest)));
}

function showAgents() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(word => word);
  const found = floor.agents.filter(([user, dialer, phone, campaign]) => {
    const text = `${user} ${dialer} ${phone} ${campaign}`.toLowerCase();
    return words.every(word => text.includes(word));
  });
  const shown = found.slice(0, MOST_ROWS);
  byId("found").textContent = shown.length < found.length
    ? `${agents(found.length)}; the first ${shown.length} are shown` : agents(found.length);
  byId("agents").replaceChildren(...shown.map(([user, dialer, phone, campaign, seconds]) => row(
    element("td", user), element("td", dialer), element("td", phone), element("td", campaign),
    element("td", duration(seconds), "number"))));
}

function aliasButton(alias) {
  const button = element("button", alias, "alias");
  button.type = "button";
  button.addEventListener("click", () => {
    byId("explain").elements.alias.value = alias;
    byId("explain").requestSubmit();
    byId("explain").scrollIntoView();
  });
  return button;
}

function eventLine(event) {
  const line = element("li");
  line.append(element("time", clock(new Date(Date.now() - 1000 * event.age))));
  const why = event.detail ? `: ${event.detail}` : "";
  if (EVENTS[event.kind]) {
    line.append(`${event.dialer} ${EVENTS[event.kind]}${why}`);
    return line;
  }
  const refused = event.kind === "refused";
  line.className = refused ? "held" : "";
  line.append(refused ? "refused " : "login ", event.user);
  if (event.alias) { line.append(" on ", aliasButton(event.alias)); }
  if (event.dialer) { line.append(` → ${event.dialer}`); }
  line.append(event.address ? ` from ${event.address}${why}` : why);
  return line;
}

function show() {
  showDialers();
  showAgents();
  // A button that is being used isn't replaced.
  if (!byId("events").contains(document.activeElement)) {
    byId("events").replaceChildren(...floor.events.map(eventLine));
  }
}

// -- asking ----------------------------------------------------------------------------------

async function ask(path, options = {}) {
  const patience = new AbortController();
  const late = setTimeout(() => patience.abort(), LONGEST_ANSWER);
  try {
    const response = await fetch(path, { ...options, signal: patience.signal });
    return [response.status, await response.json()];
  } catch {
    return [0, { detail: "The login service doesn't answer. Try again in a moment." }];
  } finally {
    clearTimeout(late);
  }
}

function say(text, away) {
  // A screen reader reads what changes: only changes are written.
  if (byId("state").textContent !== text) { byId("state").textContent = text; }
  byId("state").className = away ? "away" : "";
}

function shut() {
  clearTimeout(timer);
  floor = null;
  for (const id of ["dialers", "agents", "events", "phones"]) { byId(id).replaceChildren(); }
  for (const id of ["sum", "winner", "found"]) { byId(id).textContent = ""; }
  for (const id of ["floor", "leave"]) { byId(id).hidden = true; }
  byId("enter").hidden = false;
  byId("enter").elements.token.focus();
  say("For operators", false);
}

async function poll() {
  clearTimeout(timer);
  const [status, body] = await ask("/floor/snapshot");
  if (status === 403) { shut(); return; }
  if (status === 200) {
    answered = new Date();
    for (const id of ["floor", "leave"]) { byId(id).hidden = false; }
    byId("enter").hidden = true;
    const age = body.age;
    say(age < OLD ? "Live" : `The floor is ${Math.round(age)} s old`, age >= OLD);
    // Another process of the service may have an older one.
    const bodyMade = performance.now() - 1000 * age;
    if (floor === null || bodyMade > made - ROUNDING) {
      floor = body.floor;
      made = bodyMade;
      show();
    }
  } else {
    say(answered ? `No answer since ${clock(answered)}` : "No answer yet", true);
  }
  timer = setTimeout(poll, EVERY);
}

byId("enter").addEventListener("submit", async event => {
  event.preventDefault();
  const [status, body] = await ask("/floor/session", {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: event.target.elements.token.value.trim() }) });
  event.target.reset();
  byId("refused").textContent = status === 200 ? "" : body.detail;
  if (status === 200) { poll(); }
});

byId("leave").addEventListener("click", async () => {
  clearTimeout(timer);
  const [status] = await ask("/floor/session", { method: "DELETE" });
  if (status === 200) { shut(); } else { poll(); }
});

byId("search").addEventListener("input", () => { if (floor) { showAgents(); } });

byId("explain").addEventListener("submit", async event => {
  event.preventDefault();
  const asked = new URLSearchParams(new FormData(event.target));
  const [status, body] = await ask(`/floor/explain?${asked}`);
  byId("phones").replaceChildren();
  if (status !== 200) { byId("winner").textContent = body.detail; return; }
  byId("winner").textContent = body.winner
    ? `${body.winner} would win: ${body.why}` : `Nobody would win: ${body.why}`;
  byId("phones").replaceChildren(...body.phones.map(phone => element("li",
    `${phone.phone_login} on ${phone.server_ip || "no dialer"}: ` +
    `${phone.why_not || ["eligible", ...phone.remarks].join(", ")}${phone.local_agents === null ? "" : `, ${agents(phone.local_agents)}`}`,
    phone.phone_login === body.winner ? "open" : "")));
});

poll();
