// A slider and its number are one: moving either sets the other. The form itself asks the server for the new table.
"use strict";
document.querySelectorAll("input[type=range][data-for]").forEach((slider) => {
  const number = document.getElementById(slider.dataset.for);
  slider.addEventListener("input", () => { number.value = slider.value; });
  number.addEventListener("input", () => { slider.value = number.value; });
});
