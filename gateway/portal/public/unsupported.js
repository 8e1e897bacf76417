// In the syntax of old browsers: those that cannot read the portal's modules still show why the page stays empty.
;(function () {
  function show() {
    if (!document.documentElement.hasAttribute('data-ready')) {
      document.getElementById('unsupported').hidden = false
    }
  }
  window.addEventListener('error', show, true)
  window.setTimeout(show, 15000)
  // A browser without modules passes them over and reports nothing.
  if (!('noModule' in document.createElement('script'))) show()
})()
