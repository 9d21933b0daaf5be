// The little that pages need beyond htmx: `/` focuses the search, diagnoses are suggested, files are measured before they are sent,
// slips are printed. What forms keep is in keep.js.
(function () {
  "use strict";

  // ---- `/` focuses the search ----
  document.addEventListener("keydown", function (event) {
    var search = document.getElementById("search");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || !search) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

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
})();
