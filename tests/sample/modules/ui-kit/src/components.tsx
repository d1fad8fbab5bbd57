/** @jsxRuntime classic */
/** @jsx h */
/** @jsxFrag Fragment */
import { Fragment, h, type Child, type Element } from "./jsx.js";

export interface ButtonProps {
  readonly kind?: "primary" | "quiet" | "danger";
  readonly type?: "button" | "submit";
  readonly disabled?: boolean;
  readonly action?: string;
  readonly children?: Child;
}

export function Button({ kind = "primary", type = "button", disabled, action, children }: ButtonProps): Element {
  return (
    <button class={`button button--${kind}`} type={type} disabled={disabled} data-action={action}>
      {children}
    </button>
  );
}

export interface Column<Row> {
  readonly title: string;
  readonly numeric?: boolean;
  readonly cell: (row: Row) => Child;
}

export interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly empty?: string;
}

export function Table<Row>({ caption, columns, rows, empty = "Nothing to show" }: TableProps<Row>): Element {
  return (
    <table class="table">
      <caption>{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th scope="col">{column.title}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr>
            {columns.map((column) => (
              <td class={column.numeric ? "table__figure" : undefined}>{column.cell(row)}</td>
            ))}
          </tr>
        ))}
        {rows.length === 0 && (
          <tr>
            <td colspan={columns.length}>{empty}</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

export interface BannerProps {
  readonly tone: "info" | "success" | "danger";
  readonly title: string;
  readonly children?: Child;
}

export function Banner({ tone, title, children }: BannerProps): Element {
  return (
    <div class={`banner banner--${tone}`} role={tone === "danger" ? "alert" : "status"}>
      <>
        <strong>{title}</strong> {children}
      </>
    </div>
  );
}
