import type { HttpClient } from "http-client";
import type { Money } from "money";

export interface Product {
  readonly sku: string;
  readonly title: string;
  readonly category: string;
  readonly price: Money;
  readonly stock: number;
  readonly image?: string;
}

export interface Search {
  readonly text?: string;
  readonly category?: string;
  readonly onlyInStock?: boolean;
}

interface Page {
  readonly products: readonly Product[];
  readonly next?: string;
}

/** All products that match, page after page as they are asked for. */
export async function* search(client: HttpClient, what: Search): AsyncGenerator<Product, void, undefined> {
  let after: string | undefined;
  do {
    const page: Page = await client.get<Page>("products", { query: { ...what, after } });
    yield* page.products;
    after = page.next;
  } while (after !== undefined);
}

/** The same search over products that are already here, for offline use. */
export function matches(product: Product, { text, category, onlyInStock = false }: Search): boolean {
  const words = text?.toLowerCase().split(/\s+/).filter(Boolean) ?? [];
  const haystack = `${product.title} ${product.sku}`.toLowerCase();
  return (
    words.every((word) => haystack.includes(word)) &&
    (category === undefined || product.category === category) &&
    (!onlyInStock || product.stock > 0)
  );
}
