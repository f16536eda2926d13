// Only compiled: checks that the declarations match the sources.

import {
  Client, ReconnectingWebSocket, TroupeError,
  type AwayNotice, type BackNotice, type ClientState, type Room, type SendingState, type User,
} from 'troupe-client';
import { msgpack } from 'troupe-client/msgpack';

const client = new Client('ws://localhost:8080', { codec: msgpack, token: async () => 'a.b.c', profile: { name: 'Ann' }, timeout: 5000 });
const state: ClientState = client.state;
client.on('state', ({ retryAt }) => retryAt.toFixed());
client.on('error', (error) => error.message);
client.on('direct', ({ userId, seq, text }) => [userId?.length, seq.toFixed(), text?.length]);
client.on('resumed', ({ direct }) => direct?.recovered === false && direct.seq.toFixed());
client.direct('bob', 'hello', { id: 'mine', timeout: 100 }).then(({ duplicate }) => duplicate);
// @ts-expect-error: a direct is not echoed
client.direct('bob', { move: 'e4' }, { echo: false });
client.on('resumed', ({ rooms, lost, resume }) => [rooms[0].recovered, lost[0].code, resume.length]);
client.on('welcome', ({ resume, resumeMs }) => [resume?.length, resumeMs?.toFixed()]);
new Client('/', { resumeAcrossReload: true, storage: { getItem: () => null, setItem() {}, removeItem() {} } });
// @ts-expect-error: such a storage forgets nothing
new Client('/', { storage: { getItem: () => null, setItem() {} } });

const room: Room = client.room('lobby');
const off: () => void = room.on('message', ({ text, userId, seq }) => [text?.length, userId.length, seq?.toFixed()]);
room.on('binary', ({ data }) => data.byteLength);
room.on('gap', ({ since }) => since.seq);
room.on('chat', (frame) => frame.anything);
off();

const sending = room.send('hello');
const where: SendingState = sending.state;
const offState: () => void = sending.on(
  'state', ({ state, error }) => [state === 'unknown', error?.code],
);
const positions: Promise<(number | undefined)[]> =
  Promise.all([sending, client.request({ type: 'x' })]).then((acks) => acks.map(({ seq }) => seq));
offState();
// @ts-expect-error: a sending has one event
sending.on('acked', () => {});

const offRequest: () => void = room.onRequest(async ({ question }) => question.length);
room.on('$request', ({ requestId, data }) => [requestId.length, data]);
room.on('error', (error) => error instanceof TroupeError && error.roomId);
offRequest();
// @ts-expect-error: a handler is a function
room.onRequest({ answer: 1 });

room.on('rejoined', ({ recovered, since }) => recovered || since.seq);
// @ts-expect-error: history has no such option
room.history({ since: 1 });

async function look(): Promise<User[]> {
  const users: User[] = [];
  for await (const user of room.users({ limit: 10 })) users.push(user);
  const { members, total, complete } = await room.presence({ after: users[0]?.userId, limit: 5 });
  const { messages, epoch } = await room.history({ before: 10 });
  return complete && total > messages[0].seq! && epoch ? members : users;
}

async function follow(): Promise<string[]> {
  const { members } = room;
  members.on('change', ({ users, total, live }) => [users.length < total, live]);
  const { users } = await members.start();
  const away: boolean = users.some((user) => user.away === true) || members.get('u')?.away === true;
  await room.setProfile({ name: 'Ann' });
  members.stop();
  return users.map(({ userId, profile }) => profile?.name ?? (away ? userId : ''));
}
const whoIsAway = new Set<string>();
room.on('$away', (notice: AwayNotice) => whoIsAway.add(notice.userId));
room.on('$back', (notice: BackNotice) => whoIsAway.delete(notice.userId));
room.on('$presence', ({ changed }) => changed.filter(({ away }) => away));
room.send('x', { id: 'mine' }).then(({ duplicate }) => duplicate === true || client.limits?.dedupe);
room.sendBinary(new Uint8Array(1), { delivery: 'latest', key: 'cursor' });
// @ts-expect-error: there is no such delivery
room.send('x', { delivery: 'last' });
// @ts-expect-error: numbers are the client's own
room.send('x', { id: 1 });
room.on('$presence', ({ joined, left, total }) => joined.length + left.length < total);
room.on('$profile', ({ userId, profile }) => [userId.length, profile]);
// @ts-expect-error: a profile is a map
room.setProfile('Ann');

async function talk(): Promise<number | undefined> {
  const { limits } = await client.ready;
  await room.join({ profile: { name: 'Ann' } });
  await room.sendBinary(new Uint8Array(limits.maxMessageBytes), { echo: false });
  const typed: boolean = room.notify('typing');
  try {
    return (await room.send('hello', { timeout: 100 })).seq;
  } catch (error) {
    if (error instanceof TroupeError && error.retryable && !error.sent) return typed ? error.retryAfterMs : undefined;
    throw error;
  }
}

// @ts-expect-error: codecs are 'json' or objects
new Client('ws://localhost', { codec: 'msgpack' });
// @ts-expect-error: times are numbers
room.join({ timeout: '1s' });

const ws = new ReconnectingWebSocket('ws://localhost:8080', { reconnectInterval: 1000, log: true });
ws.on('message', (e) => e.data);
ws.on('close', ({ code }) => code.toFixed());
// @ts-expect-error: there is no such event
ws.on('other', () => {});

export { follow, look, positions, state, talk, where };
