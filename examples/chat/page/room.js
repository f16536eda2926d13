/// What the page knows of one room: who is there and what was said. Changes nothing outside itself.

const maxEntries = 500;
const typingMs = 6_000;
const renameMs = 15_000;
const mergedNames = 8;

let entries = 0;

/// Frees what the browser keeps for an entry.
const release = ({ url }) => url && URL.revokeObjectURL(url);

export class Room {
  /// It was joined before.
  seen = false;
  /// The server puts everybody here; it cannot be left.
  home = false;
  /// {userId, username}, one for each connection; the server lists a bounded number of them.
  members = [];
  unlisted = 0;
  /// Oldest first. {id, kind, at} and what the kind needs:
  /// chat {userId, name, mine, and text or else url, isPicture, bytes}, joined and left {people},
  /// renamed {name, oldName}, note {text}, gap, closed.
  entries = [];
  /// userId -> {name, until}
  typing = new Map();
  unread = 0;
  /// The entry above which the mark `new` stands.
  firstUnread = null;
  draft = '';
  /// The bytes of a picture that goes with the next message, or null.
  picture = null;

  /// `link`: the room of the client.
  constructor(id, link) {
    this.id = id;
    this.link = link;
  }

  get joined() {
    return this.link.joined;
  }

  get size() {
    return this.members.length + this.unlisted;
  }

  // -- who is here --------------------------------------------------------------------------------

  setMembers(members, total) {
    this.members = members;
    this.unlisted = Math.max(0, total - members.length);
  }

  addMember(userId, username) {
    this.members.push({ userId, username });
  }

  removeMember(userId, username) {
    this.typing.delete(userId);
    const found = this.#find(userId, username);
    if (found >= 0) this.members.splice(found, 1);
    else this.unlisted = Math.max(0, this.unlisted - 1);
  }

  renameMember(userId, username, oldName) {
    const found = this.#find(userId, oldName);
    if (found >= 0) this.members[found].username = username;
    const typist = this.typing.get(userId);
    if (typist) typist.name = username;
  }

  nameOf(userId) {
    return this.members.find((m) => m.userId === userId)?.username;
  }

  #find(userId, username) {
    const exact = this.members.findIndex((m) => m.userId === userId && m.username === username);
    return exact >= 0 ? exact : this.members.findIndex((m) => m.userId === userId);
  }

  // -- who is typing ------------------------------------------------------------------------------

  startTyping(userId, name, now) {
    this.typing.set(userId, { name, until: now + typingMs });
  }

  /// Forgets those who stopped; returns when the next one may stop, or Infinity.
  expireTyping(now) {
    for (const [userId, { until }] of this.typing) if (until <= now) this.typing.delete(userId);
    return Math.min(...[...this.typing.values()].map((t) => t.until), Infinity);
  }

  // -- what was said ------------------------------------------------------------------------------

  /// Returns the new entry.
  add(kind, at, fields = {}) {
    const entry = { id: ++entries, kind, at, ...fields };
    this.entries.push(entry);
    if (this.entries.length > maxEntries) release(this.entries.shift());
    return entry;
  }

  /// Drops all entries: the room is not shown any more.
  clear() {
    this.entries.forEach(release);
    this.entries = [];
  }

  /// Merges several people who come, or who go, into one entry. Returns {entry, isNew}.
  addPresence(kind, at, person) {
    const last = this.entries.at(-1);
    if (last?.kind !== kind || last.people.length >= mergedNames)
      return { entry: this.add(kind, at, { people: [person] }), isNew: true };
    last.people.push(person);
    last.at = at;
    return { entry: last, isNew: false };
  }

  /// Shows a person who takes a name just after joining as joined under it. Returns {entry, isNew}.
  addRename(at, userId, name, oldName) {
    const entry = this.entries.findLast(
      (e) => e.kind === 'joined' && e.people.some((p) => p.userId === userId),
    );
    if (!entry || at - entry.at > renameMs)
      return { entry: this.add('renamed', at, { userId, name, oldName }), isNew: true };
    entry.people.find((p) => p.userId === userId).name = name;
    return { entry, isNew: false };
  }

  countUnread(entry) {
    if (this.unread === 0) this.firstUnread = entry;
    this.unread += 1;
  }
}
