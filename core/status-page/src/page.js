(function () {
  var until = document.getElementById("until");
  var time = until ? Date.parse(until.getAttribute("datetime")) : NaN;
  function look() {
    if (Date.now() > time) {
      document.documentElement.classList.add("stale");
      document.title = document.title.replace(/^(Out of date: )?/, "Out of date: ");
    }
  }
  look();
  setInterval(look, 60000);
})();
