export { ProductList, type ProductListProps } from "./product-list.js";
export { matches, search, type Product, type Search } from "./product.js";
