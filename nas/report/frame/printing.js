// Paper shows what the screen shows on demand: what is folded is opened, and opened only, for it.

let folded = [];

addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const one of folded) one.open = true;
});

addEventListener("afterprint", () => {
  for (const one of folded) one.open = false;
  folded = [];
});
