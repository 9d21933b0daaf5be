// The little that pages need beyond htmx: `/` focuses the search, forms keep what was typed, diagnoses are suggested, files are
// measured before they are sent, slips are printed.
(function () {
  "use strict";

  var PREFIX = "fenji:";

  // ---- `/` focuses the search ----
  document.addEventListener("keydown", function (event) {
    var search = document.getElementById("search");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || !search) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // ---- forms keep what was typed ----
  // <form data-keep="name">: entries live in this tab only, belong to one account, and go when the form was accepted or at sign-out.
  function each(visit) {
    try {
      Object.keys(sessionStorage).forEach(function (key) {
        if (key.indexOf(PREFIX) === 0) visit(key, JSON.parse(sessionStorage.getItem(key)));
      });
    } catch (error) { /* no storage: forms work, they only do not remember */ }
  }

  function put(key, entry) {
    try { sessionStorage.setItem(key, JSON.stringify(entry)); } catch (error) { /* full or forbidden */ }
  }

  function forget(key) { sessionStorage.removeItem(key); }

  function typed(form) {
    return Array.prototype.filter.call(form.elements, function (field) {
      return field.name && field.name.charAt(0) !== "_" && field.name !== "csrfmiddlewaretoken"
        && ["hidden", "password", "file", "submit", "button", "fieldset"].indexOf(field.type) < 0;
    });
  }

  function ticks(field) { return field.type === "checkbox" || field.type === "radio"; }

  function save(form, sent) {
    var fields = {};
    typed(form).forEach(function (field) {
      fields[field.name] = fields[field.name] || [];
      if (!ticks(field) || field.checked) fields[field.name].push(field.value);
    });
    put(PREFIX + form.dataset.keep, {
      who: document.body.dataset.who || "",
      sent: sent,
      fields: fields
    });
  }

  function touched(field) {
    if (ticks(field)) return field.checked !== field.defaultChecked;
    if (field.options) return Array.prototype.some.call(field.options, function (o) { return o.selected !== o.defaultSelected; });
    return field.value !== field.defaultValue;
  }

  function restore(form, fields) {
    typed(form).forEach(function (field) {
      var kept = fields[field.name];
      if (!kept) return;
      if (ticks(field)) field.checked = kept.indexOf(field.value) >= 0;
      else if (kept.length) field.value = kept[0];
    });
    // the browser may have put some of it back by itself; what counts is the difference to what the server sent
    var changed = typed(form).filter(touched);
    if (!changed.length) return;
    var note = form.querySelector("[data-kept-note]");
    if (note) note.hidden = false;
    if (form.parentNode.tagName === "DETAILS") form.parentNode.open = true;
    changed.forEach(function (field) { field.dispatchEvent(new Event("change", { bubbles: true })); });
  }

  function formNamed(name) {
    return Array.prototype.filter.call(document.forms, function (form) { return form.dataset.keep === name; })[0];
  }

  function review(key, entry) {
    var who = document.body.dataset.who || "";
    var form = formNamed(key.slice(PREFIX.length));
    if (who && entry.who !== who) return forget(key);
    if (form) return restore(form, entry.fields);
    // accepted: after sending came a page without this form that is no problem page and not the sign-in page
    if (entry.sent && who && !document.body.dataset.problem) forget(key);
  }

  function keepForms() {
    if (document.body.dataset.out) each(forget);
    each(review);
    document.addEventListener("input", function (event) {
      var form = event.target.form;
      if (form && form.dataset.keep) save(form, false);
    });
    document.addEventListener("submit", function (event) {
      if (event.target.dataset.keep) save(event.target, true);
      if (event.target.dataset.leaves) each(forget);
    });
  }

  // ---- diagnoses are suggested ----
  var waiting;
  document.addEventListener("input", function (event) {
    var field = event.target;
    var address = field.dataset.suggest;
    if (!address || !field.value.trim()) return;
    var list = document.getElementById(field.getAttribute("list"));
    clearTimeout(waiting);
    waiting = setTimeout(function () {
      var asked = field.value;
      fetch(address + "?" + new URLSearchParams([[field.dataset.suggestAs || field.name, asked]]), { credentials: "same-origin" })
        .then(function (response) { return response.ok && !response.redirected ? response.text() : ""; })
        .then(function (options) { if (field.value === asked) list.innerHTML = options; })
        .catch(function () { /* offline: a code can be typed all the same */ });
    }, 200);
  });

  // ---- a file that is too large is said to be so before it is sent ----
  document.addEventListener("change", function (event) {
    var field = event.target;
    if (!field.dataset.largest) return;
    var large = field.files[0] && field.files[0].size > Number(field.dataset.largest);
    field.setCustomValidity(large ? field.dataset.tooLarge : "");
    field.reportValidity();
  });

  // ---- what a ticked box asks for besides is unfolded with it ----
  document.addEventListener("change", function (event) {
    var more = event.target.checked && document.querySelector('[data-open-with="' + event.target.id + '"]');
    if (more) more.open = true;
  });

  // ---- a button that prints the page ----
  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-print]")) window.print();
  });

  // ---- the verdict needs to know whether a reason was given, not the words: no free text in addresses ----
  document.addEventListener("htmx:config:request", function (event) {
    var request = event.detail.ctx.request;
    var reason = request.body && request.body.get("override_reason");
    if (request.method === "GET" && reason !== null) request.body.set("override_reason", reason.trim() ? "1" : "");
  });

  // ---- the QR code of an activation slip carries name and code behind the #, which is sent to no server ----
  var activating = document.querySelector("form[data-activate]");
  if (activating && location.hash.length > 1) {
    var scanned = location.hash.slice(1).split(":");
    activating.elements.username.value = scanned[0];
    activating.elements.code.value = scanned[1] || "";
    history.replaceState(null, "", location.pathname);
  }

  // htmx wires its triggers in a timer of its own; one set after the load comes later, so that restored fields are judged anew
  if (document.readyState === "complete") setTimeout(keepForms);
  else window.addEventListener("load", function () { setTimeout(keepForms); });
})();
