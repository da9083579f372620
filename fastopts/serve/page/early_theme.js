// A classic script in <head>: it runs before the first paint, so that a page with a chosen theme
// does not flash in the system's theme. Modules run too late for that.
try {
  const theme = localStorage.getItem("fastopts.theme");
  if (theme) document.documentElement.dataset.theme = JSON.parse(theme);
} catch {
  // Storage is disabled: the system's theme applies.
}
