"use strict";

// A session is kept until the tab is closed; who the agent is, until somebody else logs in here.
// Passwords are never kept.
const SESSION = "evenfloor.session", AGENT = "evenfloor.agent";

// How long the next call of an agent who moves may take, in milliseconds.
const NEXT_CALL = 5_000;

// After how many milliseconds the service is asked again if no answer came: another login host takes some seconds to step in.
const PAUSES = [500, 1_000, 2_000, 4_000];
const UNANSWERED = ["no_answer", "service_unavailable"];
// The service answers in so many seconds; beyond that, its host is gone. Both in milliseconds.
const PATIENCE = 1_000 * Number(document.body.dataset.patience) + 2_000;

const words = JSON.parse(document.body.dataset.words);
const byId = id => document.getElementById(id);
const form = byId("login");
// Whether this page is the phone of some aliases (phone.js).
const hasPhone = Boolean(byId("phone"));

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// -- what the browser keeps ------------------------------------------------------------------

function kept(store, key) {
  try { return JSON.parse(store().getItem(key)) || {}; } catch { return {}; }
}

function keep(store, key, value) {
  // A browser that keeps nothing logs in all the same.
  try { store().setItem(key, JSON.stringify(value)); } catch { /* nothing to do */ }
}

const session = () => kept(() => sessionStorage, SESSION);
const keepSession = value => keep(() => sessionStorage, SESSION, value);
const agent = () => kept(() => localStorage, AGENT);
const keepAgent = value => keep(() => localStorage, AGENT, value);

// -- what is shown ---------------------------------------------------------------------------

function say(text) {
  byId("answer").textContent = text;
  byId("error").textContent = "";
  byId("detail").hidden = true;
}

function complain(text, reason = "") {
  byId("answer").textContent = "";
  byId("error").textContent = text;
  byId("detail").hidden = !reason;
  byId("reason").textContent = reason;
}

function showSession() {
  const there = Boolean(session().session);
  byId("session").hidden = !there;
  byId("where").textContent = there ? filled(words.session, session()) : "";
}

function refuse(body, seconds) {
  const text = words[`error_${body.error}`] || words.error_other;
  complain(filled(text, { seconds }), body.detail);
  if (body.error === "bad_credentials") {
    form.elements.password.select();
    form.elements.password.focus();
  }
  if (body.error === "unknown_campaign") { form.elements.campaign.focus(); }
}

// -- what is asked ---------------------------------------------------------------------------

const hold = held => { for (const button of document.querySelectorAll("button")) { button.disabled = held; } };

async function ask(verb, body) {
  const patience = new AbortController();
  const late = setTimeout(() => patience.abort(), PATIENCE);
  try {
    const response = await fetch(`/api/v1/${verb}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal: patience.signal });
    return [response.ok, await response.json(), response.headers.get("Retry-After")];
  } catch {
    return [false, { error: "no_answer" }];
  } finally {
    clearTimeout(late);
  }
}

// Whoever asks twice for the same login has one session: the second ends the first, and the phone rings again. Not so a logout:
// the second finds nothing to end.
async function post(verb, body) {
  hold(true);
  try {
    let answer = await ask(verb, body);
    for (const pause of verb === "logout" ? [] : PAUSES) {
      if (!UNANSWERED.includes(answer[1].error)) { break; }
      say(words.again);
      await new Promise(done => setTimeout(done, pause));
      answer = await ask(verb, body);
    }
    return answer;
  } finally {
    hold(false);
  }
}

// Only a phone that is registered is rung. Where it is this page, it registers before the choice.
async function isPhoneReady(asked) {
  if (!hasPhone) { return true; }
  const [done, body, seconds] = await post("phone", asked);
  if (!done) { refuse(body, seconds); return false; }
  if (!body.phone) { phone.stop(); return true; }
  say(words.registering);
  hold(true);
  const problem = await phone.start(body.phone);
  hold(false);
  if (problem) { complain(words[problem]); }
  return !problem;
}

form.addEventListener("submit", async event => {
  event.preventDefault();
  const asked = Object.fromEntries(new FormData(form));
  // Whoever moves to another alias proves with the old session that it is theirs.
  if (session().user === asked.user) { asked.session = session().session; }
  if (!await isPhoneReady(asked)) { return; }
  say(words.looking);
  const [done, body, seconds] = await post("login", asked);
  if (!done) { refuse(body, seconds); return; }
  keepSession({
    user: body.user, session: body.session, dialer: body.dialer, phone: body.phone_login,
    room: body.room, time: new Date().toLocaleTimeString(document.documentElement.lang) });
  keepAgent({ alias: asked.alias, user: asked.user });
  for (const name of ["password", "user_password"]) {
    if (form.elements[name]) { form.elements[name].value = ""; }
  }
  showSession();
  say(filled(hasPhone && phone.isOn() ? words.answers : words.rings, { dialer: body.dialer }));
  byId("session").focus();
});

byId("logout").addEventListener("click", async () => {
  const token = session().session;
  const { alias, password } = form.elements;
  if (!token && !(alias.value && password.value)) {
    complain(words.needs_both);
    (alias.value ? password : alias).focus();
    return;
  }
  say(words.leaving);
  const proof = token ? { session: token } : { alias: alias.value, password: password.value };
  const [done, body, seconds] = await post("logout", proof);
  // What proves nothing any more is forgotten: alias and password still do.
  if (done || body.error === "bad_credentials") {
    keepSession({});
    showSession();
    if (hasPhone) { phone.stop(); }
  }
  if (!done) { refuse(body, seconds); return; }
  say(body.sessions ? words.left : words.was_over);
  alias.focus();
});

// Where this page is the phone, a session ends with its call; a login that moves has the next one soon.
function endWithCall() {
  setTimeout(() => {
    if (phone.isTalking() || !session().session) { return; }
    keepSession({});
    showSession();
    say(words.call_over);
  }, NEXT_CALL);
}

// A page that is loaded again has lost its call, and the dialer may not know yet.
async function endOfFormerPage() {
  const token = session().session;
  keepSession({});
  showSession();
  await post("logout", { session: token });
  say(words.call_over);
}

for (const name of ["alias", "user"]) { form.elements[name].value = agent()[name] || ""; }
showSession();
if (hasPhone) {
  phone.onEnd(endWithCall);
  if (phone.resume() && session().session) { endOfFormerPage(); }
}
(form.elements.alias.value ? form.elements.password : form.elements.alias).focus();
