'use strict';
// Where everything goes, in units of the drawing: pods above, their bridge below them, the node's IP stack below that, and
// the underlay at the bottom. A packet from node to node so goes down, across, and up again, as books draw it.
//
// A place's inside has lanes: a bridge's bus, on which its ports meet, and the IP stack's. Packets move along them.

const LETTER = 8.9; // width of a letter of a chip, in this size of any monospaced font
const CHIP_HEIGHT = 28;
const POD = { width: 152, pitch: 170, height: 86 };
const NODE = { least: 344, gap: 34, pods: 38, bridge: 160, bridgeHeight: 66, stack: 244, lane: 26 };
const SEGMENT = { gap: 46, height: 64, bus: 30, least: 300 };
const ROUTER = { height: 66, gap: 48, port: 158 };
const FABRIC = { gap: 18, height: 50, lane: 30 };
const MARGIN = 18;

const keyOf = (place, name) => `${place}\n${name}`;
const middle = (one, other) => (one + other) / 2;
const between = (low, value, high) => Math.max(low, Math.min(value, high));
const chipWidth = (name) => Math.max(58, Math.round(name.length * LETTER) + 18);

/** Chips by place and interface, boxes to draw, lanes by place (or place and bridge), and the cables' points. */
function layoutOf(drawing) {
  const plane = { drawing, chips: new Map(), boxes: [], lanes: new Map(), cables: new Map(), width: 0, height: 0 };
  const fabric = drawing.places.find((place) => place.kind === 'fabric');
  const segments = fabric ? fabric.bridges : [];
  const nodes = drawing.places.filter((place) => place.kind === 'node');
  // Tunnels' ends stand inside of the IP stack, which needs room for their addresses then.
  const stands = (chip) => ['tunnel', 'other'].includes(chip.role);
  plane.stackHeight = nodes.some((node) => node.chips.some(stands)) ? 70 : 48;
  plane.nodeHeight = NODE.stack + plane.stackHeight + 26;
  let left = MARGIN;
  let bottom = MARGIN + (nodes.length ? plane.nodeHeight + SEGMENT.gap : 0);
  const ranges = new Map();
  for (const segment of [...segments.map((bridge) => bridge.name), null]) {
    const start = left;
    for (const node of nodes.filter((node) => segmentOf(drawing, node) === segment)) {
      left += placeNode(plane, node, left) + NODE.gap;
    }
    if (segment !== null) {
      left = Math.max(left, start + SEGMENT.least + NODE.gap);
      ranges.set(segment, { left: start, right: left - NODE.gap, top: bottom });
    }
  }
  plane.width = Math.max(left - NODE.gap + MARGIN, 2 * MARGIN + SEGMENT.least);
  if (segments.length) bottom = placeFabric(plane, fabric, ranges, bottom);
  placeOthers(plane, fabric, ranges, bottom);
  placeRest(plane);
  for (const cable of drawing.cables) plane.cables.set(cable, cablePoints(plane, cable));
  plane.height = Math.max(...plane.boxes.map((box) => box.y + box.height), 60) + MARGIN + 6;
  return plane;
}

/** The far ends of a place's cables, each with the interface here. */
function farEnds(drawing, place) {
  const ends = [];
  for (const { ends: [near, far] } of drawing.cables) {
    if (near.place === place) ends.push({ here: near.interface, there: far });
    if (far.place === place) ends.push({ here: far.interface, there: near });
  }
  return ends;
}

function findChip(drawing, spot) {
  const place = drawing.places.find((place) => place.name === spot.place);
  return place && place.chips.find((chip) => chip.interface === spot.interface);
}

/** The bridge of the fabric that a place is plugged into. */
function segmentOf(drawing, place) {
  for (const { there } of farEnds(drawing, place.name)) {
    const kind = drawing.places.find((other) => other.name === there.place)?.kind;
    if (kind === 'fabric') return findChip(drawing, there)?.bridge ?? null;
  }
  return null;
}

function addChip(plane, place, chip, x, y, more) {
  const width = chipWidth(chip.interface);
  plane.chips.set(keyOf(place, chip.interface), { chip, place, x, y, width, ...more });
}

/** A node with its pods, bridge and IP stack; gives back how wide it is. */
function placeNode(plane, node, left) {
  const top = MARGIN;
  const pods = plane.drawing.places.filter((place) => place.node === node.name);
  const columns = pods.length + (node.pods_left_out ? 1 : 0);
  const width = Math.max(columns * POD.pitch + 20, NODE.least);
  const first = left + (width - columns * POD.pitch) / 2 + POD.pitch / 2;
  plane.boxes.push({ kind: 'node', place: node, x: left, y: top, width, height: plane.nodeHeight });
  pods.forEach((pod, at) => placePod(plane, pod, first + at * POD.pitch, top + NODE.pods));
  if (node.pods_left_out) {
    const x = first + pods.length * POD.pitch - POD.width / 2;
    const text = `… ${node.pods_left_out} more pod${node.pods_left_out === 1 ? '' : 's'}`;
    plane.boxes.push({ kind: 'more', text, x, y: top + NODE.pods, width: POD.width, height: POD.height });
  }
  const inner = { left: left + 12, right: left + width - 12 };
  const bus = top + NODE.bridge + 32;
  // Where a node's own cable is a port of its bridge, no packet passes the IP stack on its way there: the cable goes by.
  const goesBy = node.chips.some((chip) => chip.role === 'own' && chip.bridge);
  for (const bridge of node.bridges) {
    const box = { x: inner.left, y: top + NODE.bridge, width: inner.right - inner.left, height: NODE.bridgeHeight };
    plane.boxes.push({ kind: 'bridge', place: node, bridge, bus, ...box, clear: goesBy ? 82 : 12 });
    plane.lanes.set(keyOf(node.name, bridge.name), bus);
  }
  const stackRight = goesBy ? inner.right - 110 : inner.right;
  const lane = top + NODE.stack + NODE.lane;
  plane.lanes.set(keyOf(node.name, ''), lane);
  const stack = { x: inner.left, y: top + NODE.stack, width: stackRight - inner.left, height: plane.stackHeight };
  plane.boxes.push({ kind: 'stack', place: node, lane, ...stack });
  placeNodeChips(plane, node, { inner, stack, lane, top, goesBy });
  return width;
}

function placeNodeChips(plane, node, { inner, stack, lane, top, goesBy }) {
  const center = stack.x + stack.width / 2;
  let tunnels = 0;
  let others = 0;
  let stray = inner.right - 70;
  for (const chip of node.chips) {
    const width = chipWidth(chip.interface);
    if (chip.role === 'bridge') {
      addChip(plane, node.name, chip, center, top + middle(NODE.bridge + NODE.bridgeHeight, NODE.stack));
    } else if (chip.role === 'tunnel') {
      addChip(plane, node.name, chip, stack.x + 12 + width / 2 + tunnels, lane);
      tunnels += width + 50;
    } else if (chip.role === 'own') {
      addChip(plane, node.name, chip, goesBy ? inner.right - 55 : center, top + plane.nodeHeight);
    } else if (chip.role === 'port') {
      const far = farEnds(plane.drawing, node.name).find((end) => end.here === chip.interface)?.there;
      const above = far && plane.chips.get(keyOf(far.place, far.interface));
      addChip(plane, node.name, chip, above ? above.x : stray, top + NODE.bridge);
      if (!above) stray -= width + 10;
    } else {
      addChip(plane, node.name, chip, stack.x + stack.width - 12 - width / 2 - others, lane);
      others += width + 50;
    }
  }
}

function placePod(plane, pod, x, y) {
  plane.boxes.push({ kind: 'pod', place: pod, x: x - POD.width / 2, y, width: POD.width, height: POD.height });
  plane.lanes.set(keyOf(pod.name, ''), y + POD.height - 20);
  pod.chips.forEach((chip, at) => addChip(plane, pod.name, chip, x + at * 60, y + POD.height));
}

/** The segments, and below them the fabric's own router if it is one; gives back where that ends. */
function placeFabric(plane, fabric, ranges, top) {
  const routes = fabric.chips.some((chip) => chip.role !== 'port' || !chip.bridge);
  const last = [...ranges.values()].pop();
  last.right = Math.max(last.right, plane.width - MARGIN);
  for (const bridge of fabric.bridges) {
    const { left, right } = ranges.get(bridge.name);
    const box = { x: left, y: top, width: right - left, height: SEGMENT.height };
    plane.boxes.push({ kind: 'segment', place: fabric, bridge, bus: top + SEGMENT.bus, ...box, clear: 12 });
    plane.lanes.set(keyOf(fabric.name, bridge.name), top + SEGMENT.bus);
    const own = fabric.chips.find((chip) => chip.role === 'bridge' && chip.bridge === bridge.name);
    if (own) addChip(plane, fabric.name, own, middle(left, right), top + SEGMENT.height + FABRIC.gap / 2);
  }
  const bottom = top + SEGMENT.height;
  plane.lanes.set(keyOf(fabric.name, ''), bottom + FABRIC.gap + FABRIC.lane);
  for (const { here, there } of farEnds(plane.drawing, fabric.name)) {
    const far = plane.chips.get(keyOf(there.place, there.interface));
    const chip = findChip(plane.drawing, { place: fabric.name, interface: here });
    if (far && chip.bridge) addChip(plane, fabric.name, chip, far.x, top);
  }
  if (!routes) return bottom;
  const x = MARGIN;
  const box = { x, y: bottom + FABRIC.gap, width: plane.width - 2 * MARGIN, height: FABRIC.height };
  plane.boxes.push({ kind: 'stack', place: fabric, lane: box.y + FABRIC.lane, ...box });
  return bottom + FABRIC.gap + FABRIC.height;
}

/** Routers and externals: a row below the underlay. */
function placeOthers(plane, fabric, ranges, bottom) {
  const others = plane.drawing.places.filter((place) => !['fabric', 'node', 'pod'].includes(place.kind));
  if (!others.length) return;
  const y = bottom + ROUTER.gap;
  const middleOf = (place) => {
    const at = farEnds(plane.drawing, place.name)
      .map(({ there }) => ranges.get(findChip(plane.drawing, there)?.bridge))
      .filter(Boolean)
      .map(({ left, right }) => middle(left, right));
    return at.length ? at.reduce((sum, x) => sum + x, 0) / at.length : plane.width / 2;
  };
  const widthOf = (place) => Math.max(190, place.chips.length * ROUTER.port, place.name.length * 11 + 30);
  const row = others.map((place) => ({ place, wanted: middleOf(place), width: widthOf(place) }));
  row.sort((one, other) => one.wanted - other.wanted);
  const all = row.reduce((sum, { width }) => sum + width + NODE.gap, -NODE.gap);
  const mean = row.reduce((sum, { wanted }) => sum + wanted, 0) / row.length;
  let left = Math.max(MARGIN, mean - all / 2);
  for (const { place, width } of row) {
    placeBelow(plane, fabric, ranges, place, { x: left, y, width, height: ROUTER.height });
    left += width + NODE.gap;
  }
  plane.width = Math.max(plane.width, left - NODE.gap + MARGIN);
}

/** A router or an external, its chips on its upper edge, and their cables' other ends above. */
function placeBelow(plane, fabric, ranges, place, box) {
  plane.boxes.push({ kind: place.kind, place, ...box });
  plane.lanes.set(keyOf(place.name, ''), box.y + 38);
  const ends = farEnds(plane.drawing, place.name);
  const rangeOf = (chip) => {
    const there = ends.find((end) => end.here === chip.interface)?.there;
    return there && ranges.get(findChip(plane.drawing, there)?.bridge);
  };
  const chips = [...place.chips].sort((one, other) => (rangeOf(one)?.left ?? 0) - (rangeOf(other)?.left ?? 0));
  chips.forEach((chip, at) => {
    const x = box.x + (box.width / chips.length) * (at + 0.5);
    addChip(plane, place.name, chip, x, box.y);
    const there = ends.find((end) => end.here === chip.interface)?.there;
    const port = there && findChip(plane.drawing, there);
    if (!port || there.place !== fabric?.name) return;
    const range = ranges.get(port.bridge);
    const half = chipWidth(port.interface) / 2 + 8;
    const above = range ? range.top + SEGMENT.height : box.y - ROUTER.gap;
    let free = range ? between(range.left + half, x, range.right - half) : x;
    const taken = () => [...plane.chips.values()].some(
      (other) => Math.abs(other.y - above) < CHIP_HEIGHT && Math.abs(other.x - free) < half + other.width / 2);
    while (taken() && free < plane.width) free += 20;
    addChip(plane, fabric.name, port, free, above);
  });
}

/** What nobody foresaw, such as an interface that was made by hand, goes beside what is known of its place. */
function placeRest(plane) {
  for (const place of plane.drawing.places) {
    const box = plane.boxes.find((box) => box.place === place);
    let x = box ? box.x + box.width - 60 : plane.width / 2;
    for (const chip of place.chips.filter((chip) => !plane.chips.has(keyOf(place.name, chip.interface)))) {
      addChip(plane, place.name, chip, x, box ? box.y + box.height : MARGIN + 40);
      x -= chipWidth(chip.interface) + 40;
    }
    if (!plane.lanes.has(keyOf(place.name, ''))) plane.lanes.set(keyOf(place.name, ''), box ? box.y + 20 : MARGIN);
  }
}

function cablePoints(plane, { ends }) {
  const [near, far] = ends.map((end) => plane.chips.get(keyOf(end.place, end.interface)));
  if (!near || !far) return [];
  // Just above the lower end: what lies between, such as the fabric's own router, is passed straight.
  return near.x === far.x ? [near, far] : acrossAt(near, far, Math.max(near.y, far.y) - ROUTER.gap / 2);
}

/** Down or up to a lane, along it, and on. */
function acrossAt(from, to, y) {
  return [from, { x: from.x, y }, { x: to.x, y }, to].map(({ x, y }) => ({ x, y }));
}

/** How a packet gets from one chip to another. */
function routeBetween(plane, from, to) {
  if (from === to) return [from];
  if (from.place === to.place) {
    const shared = from.chip.bridge && from.chip.bridge === to.chip.bridge ? from.chip.bridge : '';
    return acrossAt(from, to, plane.lanes.get(keyOf(from.place, shared)) ?? middle(from.y, to.y));
  }
  const joins = (cable, one, other) =>
    cable.ends[0].place === one.place && cable.ends[0].interface === one.chip.interface
    && cable.ends[1].place === other.place && cable.ends[1].interface === other.chip.interface;
  for (const [cable, points] of plane.cables) {
    if (joins(cable, from, to)) return points;
    if (joins(cable, to, from)) return [...points].reverse();
  }
  return [from, to];
}
