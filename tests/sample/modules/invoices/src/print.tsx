/** @jsxRuntime classic */
/** @jsx h */
import { toDecimal, type Money } from "money";
import { printJob, type PrintJob } from "printing";
import { h, Table, type Element } from "ui-kit";

import type { Invoice } from "./index.js";

interface Row {
  readonly label: string;
  readonly amount: Money;
}

export function printInvoice(invoice: Invoice, recipient: readonly string[]): PrintJob {
  return printJob(`Invoice ${invoice.number}`, <Document invoice={invoice} recipient={recipient} />, { copies: 2 });
}

function Document({ invoice, recipient }: { readonly invoice: Invoice; readonly recipient: readonly string[] }): Element {
  const rows: readonly Row[] = [
    { label: "Net", amount: invoice.net },
    { label: "Tax", amount: invoice.tax },
    { label: "To be paid", amount: invoice.gross },
  ];
  return (
    <article>
      <address>
        {recipient.map((line) => (
          <div>{line}</div>
        ))}
      </address>
      <h1>Invoice {invoice.number}</h1>
      <p>
        For order {invoice.order}, issued on {invoice.issued}, due on {invoice.due}.
      </p>
      <Table
        caption="Amounts"
        rows={rows}
        columns={[
          { title: "Position", cell: (row) => row.label },
          { title: invoice.gross.currency, numeric: true, cell: (row) => toDecimal(row.amount) },
        ]}
      />
    </article>
  );
}
