
// The drawing itself, as SVG, and the packet on it.

const SVG = 'http://www.w3.org/2000/svg';
const SMALLEST = 0.7; // below this nobody in the last row can read a chip: the drawing is scrolled instead
const LARGEST = 1.7;

function svg(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

const line = (points) => points.map(({ x, y }, at) => `${at ? 'L' : 'M'}${x} ${y}`).join('');

/** Text that fits: drawn together a little where that is enough, else cut in its middle, and whole in the tooltip. */
function label(text, width, attributes) {
  const letter = attributes.class === 'name' ? 11.4 : 8.8;
  const most = Math.max(4, Math.floor((width * 1.25) / letter));
  const half = Math.floor((most - 1) / 2);
  const shown = text.length > most ? `${text.slice(0, half)}…${text.slice(text.length - half)}` : text;
  const element = svg('text', attributes, shown);
  if (shown.length * letter > width) {
    element.setAttribute('textLength', width);
    element.setAttribute('lengthAdjust', 'spacingAndGlyphs');
  }
  if (shown !== text) element.append(svg('title', {}, text));
  return element;
}

class Scene {
  constructor(holder, story, drawing) {
    this.holder = holder;
    this.steps = story.ways.flatMap((way) => way.steps.map((step) => ({ step, way })));
    this.plane = layoutOf(drawing);
    this.isForetold = story.origin === 'predicted';
    this.draw(story.lost);
    this.fit();
    new ResizeObserver(() => this.fit()).observe(holder);
  }

  /** As large as there is room for, but never too small to be read. */
  fit() {
    const { width, height } = this.plane;
    const room = Math.min((this.holder.clientWidth - 4) / width, (this.holder.clientHeight - 4) / height);
    this.scale = between(SMALLEST, room, LARGEST);
    this.svg.setAttribute('width', Math.floor(width * this.scale));
    this.svg.setAttribute('height', Math.floor(height * this.scale));
    if (this.at) this.follow(this.at);
  }

  draw(lost) {
    const { width, height, boxes, chips, cables } = this.plane;
    this.trail = svg('path', { class: 'trail', d: '' });
    this.packet = svg('g', { class: this.isForetold ? 'packet is-foretold' : 'packet' });
    this.svg = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': 'Places, interfaces and cables' },
      ...boxes.map((box) => this.box(box)),
      ...[...cables].map(([cable, points]) =>
        svg('path', { class: cable.is_used ? 'cable' : 'cable unused', d: line(points) })),
      this.trail,
      ...[...chips.values()].map((spot) => this.chip(spot)),
      this.death(lost),
      this.packet);
    this.holder.replaceChildren(this.svg);
  }

  box({ kind, place, bridge, text, bus, lane, clear, x, y, width, height }) {
    const rect = (name, radius) => svg('rect', { class: name, x, y, width, height, rx: radius });
    const words = (text, dx, dy, name, room = width - 20) => label(text, room, { x: x + dx, y: y + dy, class: name });
    const centered = (text, dy, name) => label(text, width - 12,
      { x: x + width / 2, y: y + dy, class: name, 'text-anchor': 'middle' });
    if (kind === 'more') return svg('g', { class: 'more' }, rect('', 10), centered(text, height / 2 + 5, 'aside'));
    const group = (...children) =>
      svg('g', { class: place.is_used ? kind : `${kind} unused`, 'data-box': place.name }, ...children);
    if (kind === 'bridge' || kind === 'segment') {
      const ports = this.onBus(place, bridge);
      const [network = '', ...more] = bridge.networks;
      // A router's cables are plugged in from below: then the words go above the bus.
      const isBelow = ports.some((port) => port.y === y + height);
      const base = isBelow ? 19 : height - 10;
      const above = ports.filter((port) => port.y === y).map((port) => port.width / 2);
      const free = width / 2 - 18 - Math.max(...above, 0);
      const [left, right] = isBelow ? [free, free] : [width / 2 - 48, clear > 12 ? width - clear - 118 : width / 2 - 20];
      return svg('g', { class: bridge.is_used ? 'wire' : 'wire unused' },
        svg('rect', { class: 'bridge', x, y, width, height, rx: kind === 'segment' ? 14 : 8,
          'data-place': place.name, 'data-bridge': bridge.name }),
        ...ports.map((port) => svg('path', { class: 'inside', d: line([port, { x: port.x, y: bus }]) })),
        ports.length ? svg('path', { class: 'inside', d: line(this.ends(ports, bus)) }) : null,
        words(kind === 'bridge' ? `bridge ${bridge.label}` : bridge.label, 12, base, '', left),
        label(more.length ? `${network}, …` : network, right,
          { x: x + width - clear, y: y + base, class: 'aside mono', 'text-anchor': 'end' }));
    }
    if (kind === 'stack') {
      const ports = this.inStack(place);
      const name = place.kind === 'fabric' ? 'fabric: router' : 'IP stack';
      return group(rect('stack', 8),
        ...ports.map((port) => svg('path', { class: 'inside', d: line([port, { x: port.x, y: lane }]) })),
        ports.length > 1 ? svg('path', { class: 'inside', d: line(this.ends(ports, lane)) }) : null,
        label(name, 130, { x: x + width - 12, y: y + (place.kind === 'fabric' ? 21 : height - 11), class: 'aside', 'text-anchor': 'end' }));
    }
    if (kind === 'node') return group(rect('place', 14), words(place.name, 14, 27, 'name', width - 30));
    const first = (place.chips[0]?.addresses ?? []).join(', ');
    if (kind === 'pod') return group(rect('place', 12), centered(place.name, 30, 'name'), centered(first, 54, 'aside mono'));
    const of = (spot) => label(spot.chip.addresses.join(', '), width / place.chips.length,
      { x: spot.x, y: y + 32, class: 'aside mono', 'text-anchor': 'middle' });
    const spots = place.chips.map((chip) => this.plane.chips.get(keyOf(place.name, chip.interface)));
    return group(rect('place', 12), ...spots.map(of), centered(place.name, height - 12, 'name'));
  }

  spotsOf(place) {
    return place.chips.map((chip) => this.plane.chips.get(keyOf(place.name, chip.interface))).filter(Boolean);
  }

  onBus(place, bridge) {
    return this.spotsOf(place).filter(({ chip }) => chip.bridge === bridge.name);
  }

  /** The chips that an IP stack sends and receives by: no ports of bridges. */
  inStack(place) {
    return this.spotsOf(place).filter(({ chip }) => chip.role === 'bridge' || !chip.bridge);
  }

  ends(ports, y) {
    const all = ports.map(({ x }) => x);
    return [{ x: Math.min(...all), y }, { x: Math.max(...all), y }];
  }

  chip({ chip, place, x, y, width }) {
    const name = chip.is_used ? 'chip is-used' : 'chip unused';
    const node = this.plane.drawing.places.find((it) => it.name === place)?.kind === 'node';
    const address = node && chip.role !== 'bridge' && chip.addresses.length
      ? label(chip.addresses.join(', '), 150, chip.role === 'own'
        ? { x: x - width / 2 - 8, y: y - 8, class: 'aside mono', 'text-anchor': 'end' }
        : { x: x - width / 2, y: y + 32, class: 'aside mono' })
      : null;
    return svg('g', { class: name, 'data-place': place, 'data-interface': chip.interface },
      address,
      svg('rect', { x: x - width / 2, y: y - CHIP_HEIGHT / 2, width, height: CHIP_HEIGHT, rx: 7 }),
      svg('text', { x, y: y + 5, class: 'mono', 'text-anchor': 'middle' }, chip.interface));
  }

  /** Where the packet died: at the last interface that saw it, or at the place that never sent it. */
  death(lost) {
    if (!lost) return null;
    const last = this.steps.find(({ step }) => step.number === lost.after_step);
    const box = this.plane.boxes.find((box) => box.place?.name === lost.place);
    const { x, y } = last ? this.rest(last.step) : { x: (box?.x ?? 0) + (box?.width ?? 60) - 24, y: (box?.y ?? 0) + 24 };
    // Beside the packet where nothing else is: a chip amid the IP stack has the bridge's above it.
    const inside = last && ['tunnel', 'other'].includes(this.gates(last.step)[1].chip.role);
    this.died = svg('g', { class: 'death', transform: `translate(${x + 4} ${inside ? y + 28 : y - 30})` },
      svg('title', {}, lost.text), svg('circle', { r: 15 }), svg('path', { d: 'M-6 -6L6 6M6 -6L-6 6' }));
    return this.died;
  }

  spot(step, interface_) {
    return this.plane.chips.get(keyOf(step.place, interface_));
  }

  /** Where the packet comes in at a step, and where it goes out. */
  gates(step) {
    const [came, left] = step.ports ?? [step.interface, step.interface];
    return [this.spot(step, came), this.spot(step, left)];
  }

  /** Where the packet waits: beside its chip, so that the name can be read, or amid the segment that it crosses. */
  rest(step) {
    const [came, left] = this.gates(step);
    if (!step.ports) return { x: came.x + came.width / 2 + 24, y: came.y };
    return { x: middle(came.x, left.x), y: this.plane.lanes.get(keyOf(step.place, step.interface)) };
  }

  /** From one step's resting place to the next one's. */
  route(from, to) {
    return [this.rest(from), ...this.between(from, to), this.rest(to)];
  }

  /** The interfaces and lanes between two steps. */
  between(from, to) {
    const [, leaves] = this.gates(from);
    const [comes] = this.gates(to);
    const bus = (step, gate) =>
      step.ports ? [{ x: gate.x, y: this.plane.lanes.get(keyOf(step.place, step.interface)) }] : [];
    if (leaves === comes && !from.ports && !to.ports) return [];
    return [...bus(from, leaves), ...routeBetween(this.plane, leaves, comes), ...bus(to, comes)];
  }

  /** Shows a step: its chip, the way so far, and the packet there, or on its way there from a neighbouring step. */
  show(index, from, milliseconds) {
    cancelAnimationFrame(this.frame);
    const { step, way } = this.steps[index];
    this.holder.dataset.kind = way.kind;
    for (const old of this.svg.querySelectorAll('.is-now')) old.classList.remove('is-now');
    const now = step.ports
      ? `[data-place="${CSS.escape(step.place)}"][data-bridge="${CSS.escape(step.interface)}"]`
      : `[data-place="${CSS.escape(step.place)}"][data-interface="${CSS.escape(step.interface)}"]`;
    this.svg.querySelector(now)?.classList.add('is-now');
    this.wrap(step.layers.length);
    const near = from !== undefined && Math.abs(from - index) === 1 && this.steps[from].way === way;
    const there = this.rest(step);
    // The trail is behind the packet, never before it.
    const forward = near && from < index && milliseconds;
    this.leave(forward ? from : index);
    if (!near || !milliseconds) return this.put(there);
    const points = from < index
      ? this.route(this.steps[from].step, step)
      : this.route(step, this.steps[from].step).reverse();
    this.travel(points, milliseconds, () => this.leave(index));
  }

  /** Marks the way that the packet has gone until a step. */
  leave(index) {
    const { step, way } = this.steps[index];
    const before = this.steps.slice(0, index + 1).filter((it) => it.way === way).map((it) => it.step);
    const trail = before.slice(1).flatMap((to, at) => this.between(before[at], to));
    this.trail.setAttribute('d', line(step.ports ? [...trail, this.rest(step)] : trail));
  }

  diedHere(is) {
    this.died?.classList.toggle('is-now', is);
  }

  /** The packet: an envelope, in as many others as it is wrapped in. */
  wrap(layers) {
    const around = Array.from({ length: Math.max(0, layers - 1) }, (_, at) => 6 * (layers - 1 - at));
    this.packet.replaceChildren(
      ...around.map((by) => svg('rect', { class: 'around', x: -17 - by, y: -12 - by, width: 34 + 2 * by,
        height: 24 + 2 * by, rx: 5 + by / 2 })),
      svg('rect', { class: 'skin', x: -17, y: -12, width: 34, height: 24, rx: 4 }),
      svg('path', { class: 'flap', d: 'M-14 -9L0 3L14 -9' }));
  }

  put({ x, y }) {
    this.at = { x, y };
    this.packet.setAttribute('transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    this.follow(this.at);
  }

  travel(points, milliseconds, arrived) {
    const lengths = points.slice(1).map((to, at) => Math.hypot(to.x - points[at].x, to.y - points[at].y));
    const whole = lengths.reduce((sum, length) => sum + length, 0);
    const begun = performance.now();
    const move = (now) => {
      const part = between(0, (now - begun) / milliseconds, 1);
      let far = whole * (part < 0.5 ? 2 * part * part : 1 - (2 - 2 * part) ** 2 / 2);
      let at = 0;
      while (at < lengths.length - 1 && far > lengths[at]) far -= lengths[at++];
      const share = lengths[at] ? Math.min(1, far / lengths[at]) : 1;
      const [one, other] = [points[at], points[at + 1]];
      this.put({ x: one.x + (other.x - one.x) * share, y: one.y + (other.y - one.y) * share });
      if (part < 1) this.frame = requestAnimationFrame(move);
      else arrived();
    };
    this.frame = requestAnimationFrame(move);
  }

  /** Where the drawing is larger than its window, the window follows the packet. */
  follow({ x, y }) {
    const { holder, scale } = this;
    const room = (at, window, whole) => between(0, at * scale - window / 2, Math.max(0, whole * scale - window));
    if (holder.scrollWidth > holder.clientWidth + 2) holder.scrollLeft = room(x, holder.clientWidth, this.plane.width);
    if (holder.scrollHeight > holder.clientHeight + 2) holder.scrollTop = room(y, holder.clientHeight, this.plane.height);
  }
}
