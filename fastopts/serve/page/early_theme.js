// Runs before the first paint, so that a chosen theme does not flash the other one.
try {
  const theme = localStorage.getItem("fastopts.theme");
  if (theme) document.documentElement.dataset.theme = JSON.parse(theme);
} catch {
  // storage is off: the system's theme then
}
