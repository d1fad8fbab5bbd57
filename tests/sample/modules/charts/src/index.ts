export { BarChart, type Bar, type BarChartProps } from "./bar-chart.js";
export { linear, type Scale } from "./scale.js";
