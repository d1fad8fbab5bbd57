import { render, type Element } from "ui-kit";

export type Paper = "a4" | "letter" | "label";

export interface PrintJob {
  readonly title: string;
  readonly paper: Paper;
  readonly copies: number;
  readonly html: string;
}

export interface PrintOptions {
  readonly paper?: Paper;
  readonly copies?: number;
  readonly stylesheet?: string;
}

/** A document that stands alone, so that a print server needs nothing but its text. */
export function printJob(title: string, content: Element, options: PrintOptions = {}): PrintJob {
  const { paper = "a4", copies = 1, stylesheet = "/printing/print.css" } = options;
  if (!Number.isInteger(copies) || copies < 1) {
    throw new RangeError(`${copies} copies cannot be printed`);
  }
  const head = `<meta charset="utf-8"><link rel="stylesheet" href="${stylesheet}">`;
  const html = `<!doctype html><html class="print print--${paper}"><head>${head}</head><body>${render(content)}</body></html>`;
  return { title, paper, copies, html };
}
