/** What a component returns: an element, a text, nothing, or several of them. */
export type Child = Element | string | number | boolean | null | undefined | readonly Child[];
export type Attributes = Readonly<Record<string, unknown>>;
export type Component<P> = (props: P) => Element;

export interface Element {
  readonly tag: string | Component<never>;
  readonly attributes: Attributes;
  readonly children: readonly Child[];
}

declare global {
  namespace JSX {
    type Element = import("./jsx.js").Element;
    interface ElementChildrenAttribute {
      children: unknown;
    }
    interface IntrinsicElements {
      [tag: string]: Record<string, unknown>;
    }
  }
}

const VOID: ReadonlySet<string> = new Set(["br", "hr", "img", "input", "link", "meta"]);
const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export function h(tag: Element["tag"], attributes: Attributes | null, ...children: Child[]): Element {
  return { tag, attributes: attributes ?? {}, children };
}

export function Fragment(props: { readonly children?: Child }): Element {
  return { tag: "", attributes: {}, children: [props.children] };
}

/** Renders to HTML. Everything but the markup of elements is escaped. */
export function render(child: Child): string {
  if (child === null || child === undefined || typeof child === "boolean") {
    return "";
  }
  if (typeof child === "string" || typeof child === "number") {
    return escape(String(child));
  }
  if (isList(child)) {
    return child.map(render).join("");
  }
  if (typeof child.tag === "function") {
    const component = child.tag as Component<Attributes>;
    return render(component({ ...child.attributes, children: child.children }));
  }
  const inner = child.children.map(render).join("");
  if (child.tag === "") {
    return inner;
  }
  const start = `<${child.tag}${renderAttributes(child.attributes)}>`;
  return VOID.has(child.tag) ? start : `${start}${inner}</${child.tag}>`;
}

function renderAttributes(attributes: Attributes): string {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined && value !== null && value !== false)
    .map(([name, value]) => (value === true ? ` ${name}` : ` ${name}="${escape(String(value))}"`))
    .join("");
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}

function isList(child: Child): child is readonly Child[] {
  return Array.isArray(child);
}
