
// What is known about a step, in words and boxes. Text becomes text nodes and never markup, whatever it holds.

function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const aside = (text) => html('span', { class: 'aside' }, text);

/** Nanoseconds as one says them. */
function duration(nanoseconds) {
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(1)} µs`;
  return nanoseconds < 1e9 ? `${(nanoseconds / 1e6).toFixed(2)} ms` : `${(nanoseconds / 1e9).toFixed(2)} s`;
}

/** The layer of the step before that this one was, counted from the innermost, which stays what it is. */
function counterpart(step, before, at) {
  if (!before) return null;
  // Encrypted packets hide what is in them: there the only layer is another one.
  const hidden = step.layers.length === before.layers.length
    && step.changes.some(({ kind }) => kind === 'wrapped' || kind === 'unwrapped');
  return hidden ? null : before.layers[before.layers.length - step.layers.length + at] ?? null;
}

function isNew(step, was) {
  return was === null && step.changes.some(({ kind }) => kind === 'wrapped');
}

/** A field; `was` is what it was, if that is something else. */
function field(name, key, now, was, more = null) {
  const changed = was !== null && was !== undefined;
  const value = html('span', { 'data-field': key, class: changed ? 'is-changed' : null }, now);
  if (changed && was !== '') value.append(aside(` (was ${was})`));
  return [html('dt', {}, name), html('dd', {}, value, more)];
}

const changedFrom = (was, now) => (was !== undefined && was !== now ? was : null);

function owned({ address, owner }) {
  return owner ? [html('b', {}, owner), ' ', aside(address)] : [address];
}

function ethernetFields(layer, was) {
  const [from, to] = layer.ethernet;
  const other = (at) => (was?.ethernet && was.ethernet[at].address !== layer.ethernet[at].address ? '' : null);
  return html('dl', { class: 'fields' },
    field('from', 'mac-from', owned(from), other(0)), field('to', 'mac-to', owned(to), other(1)));
}

function ipFields({ ip }, was) {
  const end = ({ name, address }) => (name ? [html('b', {}, name), ' ', address] : [address]);
  return html('dl', { class: 'fields' },
    field('from', 'ip-from', end(ip.from), changedFrom(was?.ip?.from.address, ip.from.address)),
    field('to', 'ip-to', end(ip.to), changedFrom(was?.ip?.to.address, ip.to.address)),
    field(ip.from.address.includes(':') ? 'hop limit' : 'TTL', 'ttl', String(ip.ttl), changedFrom(was?.ip?.ttl, ip.ttl),
      ip.dont_fragment && !ip.from.address.includes(':') ? aside(" don't fragment") : null));
}

function box(kind, name, size, fresh, fields, inside) {
  return html('div', { class: `box ${kind}${fresh ? ' is-new' : ''}` },
    html('div', { class: 'header' }, html('div', { class: 'name' }, name, html('span', { class: 'size' }, size)), fields),
    inside);
}

/** The packet, what is around outside and what is in it inside. */
function packetBoxes(step, before, at = 0) {
  const layer = step.layers[at];
  if (!layer) return null;
  const was = counterpart(step, before, at);
  const fresh = isNew(step, was);
  const inner = packetBoxes(step, before, at + 1);
  const carried = changedFrom(was?.carries, layer.carries) !== null;
  const name = html('span', { 'data-field': 'carries', class: carried ? 'is-changed' : null }, layer.carries || 'data');
  let nested = html('div', { class: 'box payload' }, html('div', { class: 'name' }, name), inner);
  if (layer.ip) {
    const version = layer.ip.from.address.includes(':') ? 'IPv6' : 'IPv4';
    nested = box('ip', version, `${layer.ip.length} bytes`, fresh && !layer.ethernet, ipFields(layer, was), nested);
  }
  if (!layer.ethernet) return nested;
  return box('ethernet', 'Ethernet', `${layer.bytes} bytes`, fresh, ethernetFields(layer, was), nested);
}

/** What the kernels said when they were asked, which nobody captured. */
function askedBox(step, foretold) {
  if (!step.asked.length) return null;
  const when = foretold ? `What ${step.place}'s kernel says` : `Asked from ${step.place}'s kernel, not captured`;
  return html('div', { class: 'asked' }, html('h3', {}, when),
    html('dl', {}, step.asked.map(({ about, text }) => [html('dt', {}, about), html('dd', {}, text)])));
}

function notes(step, before) {
  const pieces = step.pieces === (before?.pieces ?? 1) ? []
    : [step.pieces > 1 ? `In ${step.pieces} pieces, of which this is the first` : 'Put together again'];
  const lines = [
    ...pieces,
    ...step.questions.map((question) => `Before it: ${question}`),
    ...(step.copies.length ? [`A copy also went to ${step.copies.join(', ')}`] : []),
  ];
  return lines.length ? html('ul', { class: 'notes' }, lines.map((text) => html('li', {}, text))) : null;
}

/** Where it was lost, why, and what to do. */
function lostBox(story) {
  const { lost, unanswered } = story;
  if (!lost) return null;
  const list = (title, lines) =>
    (lines.length ? [html('h4', {}, title), html('ul', {}, lines.map((text) => html('li', {}, text)))] : []);
  const commands = (title, lines) =>
    (lines.length ? [html('h4', {}, title), html('pre', { tabindex: 0 }, lines.join('\n'))] : []);
  return html('section', { class: 'lost', 'aria-label': 'Where the packet was lost' },
    html('h3', {}, '✘ ', lost.text),
    lost.cause ? html('p', { class: 'cause' }, 'Likely: ', lost.cause) : null,
    list('What tells', [...lost.evidence, ...unanswered]),
    commands('See it', lost.show), commands('Mend it', lost.mend));
}

/** Where the packet did not go as the kernels' tables say. */
function foretoldBox({ prediction }) {
  if (!prediction || prediction.agrees) return null;
  const lines = (texts) => texts.map((text) => html('p', {}, text));
  return html('div', { class: 'asked' }, html('h3', {}, 'Not as the kernels’ tables foretold'), lines(prediction.differences),
    prediction.expected.length ? [html('h3', {}, 'Foretold instead'), lines(prediction.expected)] : []);
}

/** `node1 eth0`, with what it did there, and what the interface is there for. */
function title(step, level, before = '') {
  return html('div', { class: 'where-now' },
    html(level, {}, `${before}${step.place} ${step.interface} `, html('span', { class: 'heading' }, step.direction)),
    html('p', { class: 'role' }, step.role));
}

/** Everything about a step, but for its number. */
function stepDetails(step, before, story) {
  const foretold = story.origin === 'predicted';
  return [
    askedBox(step, foretold),
    notes(step, before),
    step.changes.length
      ? html('ul', { class: 'changes', 'aria-label': 'Changed since the step before' },
        step.changes.map(({ kind, text }) => html('li', { 'data-change': kind }, text)))
      : null,
    packetBoxes(step, before),
  ].filter((part) => part !== null);
}
