/// Helpers to build the page. Text becomes text nodes, never markup.

export const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== false) node.setAttribute(name, value === true ? '' : value);
  node.append(...children);
  return node;
}

/// Two fighters in a row never have similar colours.
export const hueOf = (number) => Math.round((number * 137.5 + 160) % 360);
