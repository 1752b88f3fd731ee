// A long timeline: heartbeats and their replies, and a failover every ten seconds.

const NODES = 5;
const TEXTS = ["the timeline is full after # events: what follows is left out", "heartbeat of term # for #ms, rank #", "heartbeat reply of term #", "elected in term #"];

/** A timeline of ten minutes and at least so many events, as JSON. */
export function longRun(count) {
  const events = [];
  const nodes = Array.from({ length: NODES }, (_, node) => node);
  const members = { n: "1.1", v: nodes, l: [], q: 3, c: true };
  for (const node of nodes) {
    events.push([0, "u", node]);
    events.push([0, "s", node, { r: "F", t: 0, v: null, k: null, e: null, p: null, m: members, y: 1, x: "0.0" }]);
  }
  const interval = Math.floor(600_000_000 / (count / 24));
  let [leader, term, message, failover] = [0, 0, 0, 0];
  for (let time = 1_000; events.length < count || time < 600_000_000; time += interval) {
    if (time >= failover) {
      if (term > 0) events.push([time, "d", leader]);
      const former = leader;
      [leader, term, failover] = [(leader + 1) % NODES, term + 1, failover + 10_000_000];
      events.push([time, "a", leader, 3, [term], ["3.4"]]);
      events.push([time, "s", leader, { r: "L", t: term, v: leader, k: leader, e: time + 140_000, p: null }]);
      if (term > 1) {
        events.push([time, "u", former]);
        events.push([time, "s", former, { r: "F", t: term, v: null, k: null, e: null, p: null, m: members, y: 1, x: "0.0" }]);
      }
    }
    const followers = nodes.filter((node) => node !== leader);
    const sent = followers.map((node) => [node, ++message]);
    for (const [node, id] of sent) events.push([time, "m", id, leader, node, 1, [term, 150, node]]);
    for (const [node, id] of sent) {
      events.push([time + 200, "r", id]);
      events.push([time + 200, "s", node, { t: term, k: leader, p: [leader, time + 150_200] }]);
    }
    const replies = followers.map((node) => [node, ++message]);
    for (const [node, id] of replies) events.push([time + 200, "m", id, node, leader, 2, [term]]);
    for (const [, id] of replies) events.push([time + 400, "r", id]);
    events.push([time + 400, "s", leader, { e: time + 149_900 }]);
  }
  const end = events.at(-1)[0];
  return JSON.stringify({ timeline: 1, title: "A long run", source: "simulation", command: null, nodes: nodes.map((node) => String(node + 1)), texts: TEXTS, end, violation: null, events });
}
