/// Helpers to build the views. Text becomes text nodes, never markup.

export const byId = (id) => document.getElementById(id);

/// A new element with attributes (null and false ones are left out) and children
/// (elements or strings).
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== false) node.setAttribute(name, value === true ? '' : value);
  node.append(...children);
  return node;
}

/// Makes `list` hold one child per item, in order;
/// the child of an item that stays is kept, with its focus.
/// `keyOf(item)` is a string of its own; `create()` makes a child, `update(child, item)` fills it.
export function showList(list, items, { keyOf, create, update }) {
  const keys = new Set(items.map(keyOf));
  const kept = new Map();
  for (const child of [...list.children]) {
    if (keys.has(child.dataset.key)) kept.set(child.dataset.key, child);
    else child.remove();
  }
  let place = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const child = kept.get(key) ?? create();
    child.dataset.key = key;
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else list.insertBefore(child, place);
  }
}

/// Returns a function that runs `action` once, `ms` after the first of any number of calls.
export function coalesced(action, ms = 30) {
  let timer = 0;
  return () => {
    timer ||= setTimeout(() => {
      timer = 0;
      action();
    }, ms);
  };
}
