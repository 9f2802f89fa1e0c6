"use strict";

// The login page as a phone: it registers with every dialer behind the alias, and answers by itself.
// There is a frame for each dialer, whose policy lets it speak to that dialer alone (browser_phone.py).

const phone = (() => {
  // A token is kept until the tab is closed or the agent logs out. Registration passwords never are.
  const TOKEN = "evenfloor.phone";
  // In milliseconds: how often the page asks for its dialers; while a login waits; how long it waits
  // for all of them; for those that don't even answer; until a refused registration is tried again.
  const POLL = 30_000, SOON = 300, LONGEST_WAIT = 10_000, UNREACHABLE = 3_000, AGAIN = 20_000;
  // How often registrations are renewed, and how long JsSIP waits before it connects again: seconds.
  const EXPIRES = 60, RECONNECT = [1, 10];

  const lines = new Map(); // by a dialer's address
  let token = "", tag = "", answer = { port: 0, accounts: [] }, timer = 0, microphone = null, notice = "", onEnd = () => {};

  // -- what is shown -------------------------------------------------------------------------

  const talking = () => [...lines.values()].find(line => line.call);

  function show() {
    const there = [...lines.values()].filter(line => line.ua?.isRegistered()).length;
    const text = !token ? notice : talking() ? filled(words.phone_in_call, talking().account)
      : there ? filled(words.phone_ready, { there, all: lines.size }) : words.phone_connecting;
    if (byId("phone").textContent !== text) { byId("phone").textContent = text; }
  }

  // -- one dialer ----------------------------------------------------------------------------

  async function open(account) {
    const line = { account, frame: document.createElement("iframe"), ua: null, call: null };
    lines.set(account.server_ip, line);
    line.frame.hidden = true;
    line.frame.src = `/phone/${account.server_ip}`;
    const loaded = new Promise(done => line.frame.addEventListener("load", done, { once: true }));
    document.body.append(line.frame);
    await loaded;
    let JsSIP;
    try { ({ JsSIP } = line.frame.contentWindow ?? {}); } catch { /* the browser's own page of an error */ }
    // Closed meanwhile, or the network broke: then the next poll tries again.
    if (!JsSIP) { close(line); return; }
    line.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(`wss://${account.server_ip}:${answer.port}/ws`)],
      uri: `sip:${account.extension}@${account.server_ip}`, password: account.password,
      register_expires: EXPIRES, session_timers: false, user_agent: "Evenfloor",
      connection_recovery_min_interval: RECONNECT[0], connection_recovery_max_interval: RECONNECT[1] });
    for (const event of ["registered", "unregistered", "disconnected"]) { line.ua.on(event, show); }
    // A dialer that is being added doesn't know the phone yet.
    line.ua.on("registrationFailed", () => setTimeout(() => {
      if (lines.get(account.server_ip) === line && line.ua.isConnected()) { line.ua.register(); }
    }, AGAIN));
    line.ua.on("newRTCSession", ({ originator, session }) => {
      if (originator === "remote") { pickUp(line, session); } else { session.terminate(); }
    });
    line.ua.start();
  }

  function close(line) {
    if (lines.get(line.account.server_ip) === line) { lines.delete(line.account.server_ip); }
    line.ua?.stop(); // ends its call and its registration
    // The frame goes when that is said.
    const gone = () => line.frame.remove();
    if (line.ua?.isConnected()) { line.ua.on("disconnected", gone); } else { gone(); }
    show();
  }

  function pickUp(line, call) {
    line.call = call;
    for (const event of ["ended", "failed"]) {
      call.on(event, () => {
        if (line.call === call) { line.call = null; }
        show();
        if (token && !talking()) { onEnd(); }
      });
    }
    call.answer({
      mediaStream: isLive() ? microphone : undefined, mediaConstraints: { audio: true, video: false },
      pcConfig: { iceServers: [] } });
    call.connection.addEventListener("track", ({ track }) => { sound().srcObject = new MediaStream([track]); });
    show();
  }

  function sound() {
    let element = byId("sound");
    if (!element) {
      element = Object.assign(document.createElement("audio"), { id: "sound", autoplay: true });
      document.body.append(element);
    }
    return element;
  }

  // -- all of them ---------------------------------------------------------------------------

  // Asks for the accounts, and brings the lines to them. Returns whether the token is still good.
  async function refresh() {
    const asked = token;
    let response;
    try {
      response = await fetch("/api/v1/phone", {
        cache: "no-store", headers: { "Evenfloor-Phone": token, ...(tag ? { "If-None-Match": tag } : {}) } });
      if (response.ok) { answer = await response.json(); }
    } catch { return true; /* no network: what is registered stays */ }
    if (asked !== token) { return true; }
    if (response.status === 401) { return false; }
    if (response.ok) { tag = response.headers.get("ETag") ?? ""; }
    if (response.ok || response.status === 304) { follow(); }
    return true;
  }

  function follow() {
    const wanted = new Map(answer.accounts.map(account => [account.server_ip, account]));
    for (const [address, line] of lines) {
      const account = wanted.get(address);
      const isSame = account?.extension === line.account.extension && account.password === line.account.password;
      // A call goes on with what it began with.
      if (!isSame && !line.call) { close(line); }
    }
    for (const [address, account] of wanted) {
      if (!lines.has(address)) { open(account); }
    }
    show();
  }

  async function poll() {
    const good = await refresh();
    if (!token) { return; }
    if (!good && !talking()) { stop(words.phone_lapsed); return; }
    timer = setTimeout(poll, POLL);
  }

  // Says why, unless the agent knows.
  function stop(why = "") {
    clearTimeout(timer);
    token = tag = "";
    notice = why;
    keep(() => sessionStorage, TOKEN, {});
    for (const line of [...lines.values()]) { close(line); }
    microphone?.getTracks().forEach(track => track.stop());
    microphone = null;
    show();
  }

  const isLive = () => Boolean(microphone?.getTracks().some(track => track.readyState === "live"));

  async function hear() {
    if (isLive()) { return true; }
    try { microphone = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch { return false; }
    return true;
  }

  const pause = time => new Promise(done => setTimeout(done, time));

  // Whether the database knows of every registration that there can be, so that the choice does.
  function isSettled(waited) {
    const known = answer.accounts.filter(account => account.registered).length;
    const open = [...lines.values()].filter(line => line.ua?.isRegistered());
    const all = waited > UNREACHABLE || open.length === lines.size;
    return open.length > 0 && all && known >= open.length;
  }

  // Switches the phone on; returns "" once it is registered, or what went wrong, as a key of words.
  async function start(newToken) {
    token = newToken;
    tag = "";
    keep(() => sessionStorage, TOKEN, { token });
    show();
    if (!await hear()) { stop(words.phone_no_microphone); return "error_no_microphone"; }
    clearTimeout(timer);
    await poll();
    if (!token) { return "error_not_registered"; }
    for (let waited = 0; waited < LONGEST_WAIT; waited += SOON) {
      if (isSettled(waited)) { return ""; }
      await pause(SOON);
      await refresh();
    }
    return [...lines.values()].some(line => line.ua?.isRegistered()) ? "" : "error_not_registered";
  }

  // What is said before the page goes: the calls' and the registrations' ends.
  addEventListener("pagehide", () => { for (const line of lines.values()) { line.ua?.stop(); } });
  // A page that comes back from the browser's memory has no connections.
  addEventListener("pageshow", ({ persisted }) => { if (persisted) { location.reload(); } });

  return {
    start, stop,
    isOn: () => Boolean(token),
    isTalking: () => Boolean(talking()),
    // After a reload.
    resume: () => { const before = kept(() => sessionStorage, TOKEN).token; if (before) { start(before); } return Boolean(before); },
    onEnd: what => { onEnd = what; },
  };
})();
