/// How good the connection is: the round trip, and the states that come too late.

const everyMs = 2_000;
const weight = 0.3; // of the newest round trip

/// 3: good, 2: one notices it, 1: poor, 0: there is none.
export function bars(ms, lost) {
  if (ms === null) return 0;
  if (ms < 90 && lost < 0.03) return 3;
  return ms < 200 && lost < 0.1 ? 2 : 1;
}

/// Calls `tell({ms, lost, bars})` again and again; `ms` is null without a connection.
export function watchQuality(client, snapshots, tell) {
  let ms = null;

  const show = () => {
    if (client.state !== 'connected') ms = null;
    const lost = snapshots.lost();
    tell({ ms, lost, bars: bars(ms, lost) });
  };

  async function measure() {
    if (client.state === 'connected') {
      const last = await client.ping({ timeout: everyMs }).catch(() => null);
      if (last === null) ms = null;
      else ms = ms === null ? last : ms + (last - ms) * weight;
    }
    show();
    setTimeout(measure, everyMs);
  }

  client.on('state', show);
  measure();
}
