// Line charts from the JSON beside them. The same numbers stand in a table below, for whoever gets no chart.
"use strict";
(() => {
  const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7a5195", "#a3261b", "#666666", "#2f4b7c"];
  const LIGHT = ["#56b4e9", "#f0a04b", "#5fd0a8", "#e6a3c8", "#d8c04a", "#9ad0f5", "#c3a6e0", "#f0958a", "#b5b5b5", "#8fa9d6"];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const SIGNS = ["circle", "rect", "triangle", "diamond", "roundRect"];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawn = [];

  function option(told) {
    const ink = colour("--ink"), line = colour("--line"), many = told.series.length > 1;
    return {
      animation: false,
      color: dark.matches ? LIGHT : HUES,
      textStyle: { color: ink, fontFamily: "inherit" },
      grid: { left: 40, right: 16, top: 16, bottom: many ? 76 : 32 },
      legend: many ? { bottom: 0, type: "scroll", textStyle: { color: ink } } : undefined,
      tooltip: { trigger: "axis", renderMode: "richText", order: "valueDesc" },
      xAxis: { type: "category", data: told.labels, axisLabel: { color: ink }, axisLine: { lineStyle: { color: line } } },
      yAxis: { type: "value", min: 0, max: 100, axisLabel: { color: ink }, splitLine: { lineStyle: { color: line } } },
      series: told.series.map((each, i) => ({
        name: each.name, type: "line", data: each.values, symbol: SIGNS[i % SIGNS.length], symbolSize: 7,
      })),
    };
  }

  function draw(place) {
    const told = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    const chart = echarts.init(place, null, { renderer: "canvas" });
    chart.setOption(option(told));
    drawn.push([chart, told]);
  }

  const places = document.querySelectorAll("[data-chart]");
  if (typeof echarts === "undefined") {
    places.forEach((place) => { place.hidden = true; });
    return;
  }
  places.forEach(draw);
  addEventListener("resize", () => drawn.forEach(([chart]) => chart.resize()));
  dark.addEventListener("change", () => {
    drawn.forEach(([chart, told]) => chart.setOption(option(told), true));
  });
})();
