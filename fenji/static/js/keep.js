// What is typed into <form data-keep="name"> is kept in this tab, sealed for the person who typed it, until the form was taken or
// they sign out. <form data-keep="name" data-line> is sent by this script: where there is no signal it waits and goes when the line is
// back. Without script, or where the browser has no cipher (a page without TLS), forms work and nothing is kept. Why so: docs/adr/0025.
(function () {
  "use strict";

  var page = document.body.dataset;
  var who = page.who || "";
  var PLACE = "fenji:" + who; // one sealed box per person: {form's name: entry}
  var SENT = "fenji-sent"; // the id of the entry that is on its way; it must be written before the page is left, so it is not sealed
  var RESULT = "X-Form-Result";
  var SLOW = 800;
  var PATIENCE = 20000;
  var AGAIN = 10000;
  var WAITS_AT_MOST = 24 * 3600 * 1000; // the house knows a form's key for two days, and so whether it came already

  var entries = {};
  var late = {}; // ticks whose box is not there yet: slots come after the destination
  var key = null;
  var gone = false;
  var busy = false;
  var writing = Promise.resolve();

  // ---- the box ----
  function bytes(text) {
    return Uint8Array.from(atob(text), function (c) { return c.charCodeAt(0); });
  }

  function ascii(array) {
    return btoa(Array.prototype.map.call(array, function (b) { return String.fromCharCode(b); }).join(""));
  }

  function cipher(nonce) {
    return { name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(who) };
  }

  function opened() {
    var box = sessionStorage.getItem(PLACE);
    return crypto.subtle.importKey("raw", bytes(page.seal), "AES-GCM", false, ["encrypt", "decrypt"])
      .then(function (made) {
        key = made;
        document.body.removeAttribute("data-seal");
        if (!box) return null;
        var parts = box.split(".");
        return crypto.subtle.decrypt(cipher(bytes(parts[0])), key, bytes(parts[1]));
      })
      .then(function (plain) { if (plain) entries = JSON.parse(new TextDecoder().decode(plain)); })
      .catch(function () { sessionStorage.removeItem(PLACE); }); // sealed with a key the house has given up
  }

  function write() {
    writing = writing.then(function () {
      if (gone) return null;
      if (!Object.keys(entries).length) return sessionStorage.removeItem(PLACE);
      var nonce = crypto.getRandomValues(new Uint8Array(12));
      return crypto.subtle.encrypt(cipher(nonce), key, new TextEncoder().encode(JSON.stringify(entries))).then(function (sealed) {
        if (!gone) sessionStorage.setItem(PLACE, ascii(nonce) + "." + ascii(new Uint8Array(sealed)));
      });
    }).catch(function () { /* storage full or forbidden: the form works, it only does not remember */ });
    return writing;
  }

  // ---- fields ----
  function typed(form) {
    return Array.prototype.filter.call(form.elements, function (field) {
      return field.name && field.name.charAt(0) !== "_" && field.name !== "csrfmiddlewaretoken"
        && ["hidden", "password", "file", "submit", "button", "fieldset"].indexOf(field.type) < 0;
    });
  }

  function ticks(field) { return field.type === "checkbox" || field.type === "radio"; }

  function save(form) {
    var entry = entries[form.dataset.keep] || { id: ascii(crypto.getRandomValues(new Uint8Array(9))) };
    var fields = Object.assign({}, late);
    typed(form).forEach(function (field) {
      if (ticks(field) && !field.checked) fields[field.name] = fields[field.name] || [];
      else fields[field.name] = (late[field.name] ? [] : fields[field.name] || []).concat(field.value);
    });
    entry.fields = fields;
    entry.at = Date.now();
    entries[form.dataset.keep] = entry;
    write().then(function () { say(form, entry); });
    return entry;
  }

  function say(form, entry) {
    var line = form.querySelector("[data-kept-at]");
    if (!line || !sessionStorage.getItem(PLACE)) return;
    var clock = new Date(entry.at).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
    line.textContent = line.dataset.keptAt.replace("{time}", clock);
    line.hidden = false;
  }

  function touched(field) {
    if (ticks(field)) return field.checked !== field.defaultChecked;
    if (field.options) return Array.prototype.some.call(field.options, function (o) { return o.selected !== o.defaultSelected; });
    return field.value !== field.defaultValue;
  }

  function restore(form, entry) {
    var nth = {};
    late = {};
    typed(form).forEach(function (field) {
      var kept = entry.fields[field.name];
      if (!kept) return;
      if (ticks(field)) { field.checked = kept.indexOf(field.value) >= 0; return; }
      var n = nth[field.name] = (nth[field.name] || 0) + 1;
      if (kept.length >= n) field.value = kept[n - 1];
    });
    Object.keys(entry.fields).forEach(function (name) {
      var there = typed(form).some(function (field) { return field.name === name && (!ticks(field) || field.checked); });
      if (entry.fields[name].length && !there) late[name] = entry.fields[name];
    });
    say(form, entry);
    // the browser may have put some of it back by itself; what counts is the difference to what the server sent
    var changed = typed(form).filter(touched);
    if (!changed.length) return;
    var note = form.querySelector("[data-kept-note]");
    if (note) note.hidden = false;
    if (form.parentNode.tagName === "DETAILS") form.parentNode.open = true;
    changed.forEach(function (field) { field.dispatchEvent(new Event("change", { bubbles: true })); });
  }

  function comeLate() {
    Object.keys(late).forEach(function (name) {
      var field = document.querySelector("[data-keep] [name='" + CSS.escape(name) + "'][value='" + CSS.escape(late[name][0]) + "']");
      if (!field || field.disabled) return;
      delete late[name];
      field.checked = true;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  // ---- forms that wait for the line ----
  function note(what) {
    var line = document.getElementById("line-note");
    line.hidden = !what;
    Array.prototype.forEach.call(line.querySelectorAll("[data-line-says]"), function (part) {
      part.hidden = part.dataset.lineSays !== what;
    });
  }

  function natively(action, pairs) {
    var form = document.createElement("form");
    form.method = "post";
    form.action = action;
    pairs.forEach(function (pair) {
      var field = document.createElement("input");
      field.type = "hidden";
      field.name = pair[0];
      field.value = pair[1];
      form.appendChild(field);
    });
    document.body.appendChild(form);
    HTMLFormElement.prototype.submit.call(form);
  }

  function send(name) {
    var entry = entries[name];
    if (busy || !entry || !entry.waits) return;
    busy = true;
    var action = entry.waits.action;
    // the token of the page that sends: the one that was kept may be older
    var token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    var pairs = entry.waits.pairs.concat([["csrfmiddlewaretoken", token]]);
    var stop = new AbortController();
    var slow = setTimeout(function () { note("sends"); }, SLOW);
    var timer = setTimeout(function () { stop.abort(); }, PATIENCE);
    var headers = {};
    headers[RESULT] = "1";
    fetch(action, {
      method: "POST", body: new URLSearchParams(pairs), headers: headers, redirect: "manual", credentials: "same-origin", signal: stop.signal
    }).then(function (answer) {
      clearTimeout(slow);
      var led = answer.headers.get(RESULT);
      if (answer.status >= 502 && answer.status <= 504) throw new Error("the house is not there");
      if (led) {
        delete entries[name];
        return write().then(function () { location.assign(led); });
      }
      // refused, or signed out: nothing was done, so it is sent once more as a page, which says why and shows what was typed
      delete entry.waits;
      return write().then(function () {
        sessionStorage.setItem(SENT, entry.id);
        natively(action, pairs);
      });
    }).catch(function () {
      busy = false;
      clearTimeout(slow);
      note(entry.waits ? "waits" : "changed");
    }).then(function () { clearTimeout(timer); });
  }

  function sendWaiting() {
    send(Object.keys(entries).filter(function (name) { return entries[name].waits; })[0]);
  }

  // ---- what happens on the page ----
  function onInput(event) {
    var form = event.target.form;
    if (!form || !form.dataset.keep) return;
    delete late[event.target.name];
    var entry = save(form);
    if (!entry.waits) return;
    delete entry.waits; // what is being changed is not what was sent
    note("changed");
  }

  function onSubmit(event) {
    var form = event.target;
    if (!form.dataset.keep) return;
    if (form.dataset.line !== undefined && busy) return event.preventDefault();
    late = {};
    var entry = save(form);
    if (form.dataset.line === undefined) return sessionStorage.setItem(SENT, entry.id);
    event.preventDefault();
    var pairs = Array.from(new FormData(form)).filter(function (pair) { return pair[0] !== "csrfmiddlewaretoken"; });
    if (event.submitter && event.submitter.name) pairs.push([event.submitter.name, event.submitter.value]);
    entry.waits = { action: form.getAttribute("action"), pairs: pairs };
    note("");
    write().then(function () { send(form.dataset.keep); });
  }

  function formNamed(name) {
    return Array.prototype.filter.call(document.forms, function (form) { return form.dataset.keep === name; })[0];
  }

  function review() {
    var sent = sessionStorage.getItem(SENT);
    sessionStorage.removeItem(SENT);
    Object.keys(entries).forEach(function (name) {
      var entry = entries[name];
      var form = formNamed(name);
      if (entry.waits && Date.now() - entry.at > WAITS_AT_MOST) delete entry.waits;
      if (form) restore(form, entry);
      // taken: after sending came a page without this form that is no problem page; a line that broke leads to no page of ours
      else if (entry.id === sent && !page.problem && document.referrer) delete entries[name];
    });
    write();
    sendWaiting();
  }

  function begin() {
    if (!who || !page.seal || !window.crypto || !crypto.subtle) return;
    opened().then(function () {
      if (!key) return;
      document.addEventListener("input", onInput);
      document.addEventListener("submit", onSubmit);
      document.addEventListener("htmx:after:swap", function () { setTimeout(comeLate); });
      window.addEventListener("online", sendWaiting);
      setInterval(sendWaiting, AGAIN);
      document.querySelector("#line-note button").addEventListener("click", sendWaiting);
      review();
    });
  }

  // ---- leaving the computer: every tab of this person leaves their pages; signing out forgets, switching keeps what is sealed ----
  var tabs = window.BroadcastChannel ? new BroadcastChannel("fenji") : null;

  function forget() {
    gone = true;
    sessionStorage.removeItem(PLACE);
  }

  document.addEventListener("submit", function (event) {
    var leaves = event.target.dataset.leaves;
    if (!leaves) return;
    if (leaves === "forget") forget();
    if (tabs) tabs.postMessage({ who: who, leaves: leaves });
  });
  if (tabs && who) tabs.onmessage = function (event) {
    if (event.data.who !== who) return;
    if (event.data.leaves === "forget") forget();
    location.replace("/login/?switch=1");
  };
  // a page that the browser kept whole for "back" may be somebody else's
  window.addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });

  // htmx wires its triggers in a timer of its own; one set after the load comes later, so that restored fields are judged anew
  if (document.readyState === "complete") setTimeout(begin);
  else window.addEventListener("load", function () { setTimeout(begin); });
})();
