// Puts the chosen theme in place before anything is painted; a classic script for that reason.
// Without a choice, or where storage is closed, the system's theme holds.
(() => {
  try {
    const chosen = localStorage.getItem("flawless-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage is closed to this page: nothing was chosen.
  }
})();
