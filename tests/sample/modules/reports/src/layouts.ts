/** The sizes of the reports are kept as data: the people of the controlling department change them. */
export { default as layouts } from "./layouts.json" assert { type: "json" };

export type ReportName = "orders" | "revenue";
