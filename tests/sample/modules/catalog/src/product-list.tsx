/** @jsxRuntime classic */
/** @jsx h */
import { toDecimal } from "money";
import { Button, h, type Element } from "ui-kit";

import type { Product } from "./product.js";

export interface ProductListProps {
  readonly products: readonly Product[];
  readonly heading: string;
}

const LOW_STOCK = 5;

export function ProductList({ products, heading }: ProductListProps): Element {
  return (
    <section class="products">
      <h2>{heading}</h2>
      <ul class="products__list">
        {products.map((product) => (
          <ProductCard product={product} />
        ))}
      </ul>
    </section>
  );
}

function ProductCard({ product }: { readonly product: Product }): Element {
  const isSoldOut = product.stock <= 0;
  return (
    <li class="product" data-sku={product.sku}>
      {product.image !== undefined && <img src={product.image} alt="" loading="lazy" />}
      <h3>{product.title}</h3>
      <p class="product__price">
        {toDecimal(product.price)} {product.price.currency}
      </p>
      {!isSoldOut && product.stock < LOW_STOCK && <p class="product__stock">Only {product.stock} left</p>}
      <Button action="add-to-cart" disabled={isSoldOut}>
        {isSoldOut ? "Sold out" : "Add to cart"}
      </Button>
    </li>
  );
}
