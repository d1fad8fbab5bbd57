export { Banner, Button, Table, type BannerProps, type ButtonProps, type Column, type TableProps } from "./components.js";
export { Fragment, h, render, type Attributes, type Child, type Component, type Element } from "./jsx.js";
