/// What outlives the page: name and language in this browser, rooms and token in this tab.
/// A browser may refuse to keep anything.

const notKept = new Map(); // values that the browser refused; kept as long as the page lives

const read = (storage, key) => {
  if (notKept.has(key)) return notKept.get(key);
  try {
    return JSON.parse(globalThis[storage].getItem(`troupe.${key}`));
  } catch {
    return null;
  }
};

const write = (storage, key, value) => {
  notKept.delete(key);
  try {
    if (value === null) globalThis[storage].removeItem(`troupe.${key}`);
    else globalThis[storage].setItem(`troupe.${key}`, JSON.stringify(value));
  } catch {
    notKept.set(key, value);
  }
};

const text = (value) => (typeof value === 'string' && value ? value : null);

export const memory = {
  get name() {
    return text(read('localStorage', 'name'));
  },
  set name(name) {
    write('localStorage', 'name', name);
  },
  get language() {
    return text(read('localStorage', 'language'));
  },
  set language(language) {
    write('localStorage', 'language', language);
  },
  get token() {
    return text(read('sessionStorage', 'token'));
  },
  set token(token) {
    write('sessionStorage', 'token', token);
  },
  /// {ids, current}
  get rooms() {
    const kept = read('sessionStorage', 'rooms');
    const ids = Array.isArray(kept?.ids) ? kept.ids.filter(text) : [];
    return { ids, current: text(kept?.current) };
  },
  set rooms(rooms) {
    write('sessionStorage', 'rooms', rooms);
  },
};
