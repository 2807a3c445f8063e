
// Going through the steps: by buttons, by keys, by the list, or by themselves.

const TRAVEL = 900; // milliseconds that the packet takes to the next interface
const DWELL = 1100; // and how long it stays there, for the pane to be read
const STEP = 450; // a step by hand is quicker

class Player {
  constructor({ story, drawing }) {
    this.story = story;
    this.steps = story.ways.flatMap((way) => way.steps.map((step, at) => ({ step, way, before: way.steps[at - 1] ?? null })));
    this.index = 0;
    this.timer = null;
    this.find = (id) => document.getElementById(id);
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    this.head();
    this.list();
    this.paper();
    this.find('left-out').textContent =
      drawing.left_out.length ? `Not drawn, as the packet does not pass there: ${drawing.left_out.join(', ')}` : '';
    this.scene = new Scene(this.find('scene'), story, drawing);
    this.controls();
    this.theme();
    if (this.steps.length) this.go(0);
    else this.nothing();
  }

  head() {
    const { story } = this;
    const arrow = html('span', { class: 'arrow', 'aria-label': 'to' }, ' → ');
    this.find('title').replaceChildren(story.from, arrow, story.to, ' ',
      html('span', { class: 'aside' }, `${story.what}, lab ${story.lab}, data path ${story.data_path} `),
      story.origin === 'predicted' ? html('span', { class: 'badge' }, 'foretold: nothing was sent') : '');
    const verdict = this.find('verdict');
    verdict.textContent = story.verdict;
    // What was only foretold has succeeded in nothing.
    if (story.lost) verdict.classList.add('is-lost');
    else if (story.origin === 'captured') verdict.classList.add('is-fine');
    if (story.prediction) verdict.append(story.prediction.agrees ? '; as foretold' : '; not as foretold');
  }

  /** The list of steps: a row for each packet, a button for each step. */
  list() {
    const names = { request: 'request', reply: 'reply', error: 'ICMP error' };
    let index = 0;
    this.buttons = [];
    // Steps at one place stand together below its name, as wide as they are many.
    const group = (steps) => {
      const buttons = steps.map((step) => html('li', {}, this.button(step, index++)));
      const item = html('li', { class: 'group' }, html('span', { class: 'where' }, steps[0].place), html('ol', {}, buttons));
      item.style.flexGrow = steps.length;
      return item;
    };
    const groups = (steps) => {
      const starts = steps.map((step, at) => at).filter((at) => steps[at].place !== steps[at - 1]?.place);
      return starts.map((start, at) => group(steps.slice(start, starts[at + 1])));
    };
    const row = (way) => html('div', { class: 'way', 'data-kind': way.kind },
      html('h2', { title: way.what }, names[way.kind]),
      html('ol', { 'aria-label': way.what }, groups(way.steps)));
    this.find('ways').replaceChildren(...this.story.ways.map(row));
  }

  button(step, index) {
    const died = this.story.lost?.after_step === step.number;
    const button = html('button', { type: 'button', class: died ? 'is-end' : null,
      'aria-label': `Step ${step.number}: ${step.place} ${step.interface}, ${step.direction}${died ? ', lost here' : ''}`,
      title: `${step.place} ${step.interface} (${step.direction})` },
    html('span', { class: 'number' }, died ? `✘ ${step.number}` : String(step.number)),
    html('span', {}, step.interface));
    button.addEventListener('click', () => this.leap(index));
    this.buttons.push(button);
    return button;
  }

  controls() {
    const on = (id, act) => this.find(id).addEventListener('click', act);
    on('first', () => this.leap(0));
    on('last', () => this.leap(this.steps.length - 1));
    on('back', () => this.leap(this.index - 1));
    on('forward', () => this.leap(this.index + 1));
    on('play', () => this.toggle());
    document.addEventListener('keydown', (event) => this.key(event));
    if (this.steps.length > 1) return;
    for (const id of ['first', 'back', 'play', 'forward', 'last']) this.find(id).disabled = true;
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches('select')) return;
    const acts = {
      ArrowRight: () => this.leap(this.index + 1),
      ArrowLeft: () => this.leap(this.index - 1),
      Home: () => this.leap(0),
      End: () => this.leap(this.steps.length - 1),
      ' ': () => this.toggle(),
    };
    // A button that has the focus takes the space bar itself, as buttons do everywhere.
    if (event.key === ' ' && event.target.matches('button')) return;
    if (!acts[event.key] || !this.steps.length) return;
    event.preventDefault();
    acts[event.key]();
  }

  get speed() {
    return Number(this.find('speed').value);
  }

  /** By hand: whatever plays stops. */
  leap(index) {
    this.pause();
    this.go(index, STEP);
  }

  toggle() {
    if (this.timer !== null) return this.pause();
    if (this.steps.length < 2) return;
    // What is at its end begins anew.
    if (this.index === this.steps.length - 1) this.go(0);
    this.find('play').textContent = 'Pause';
    this.wait();
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = null;
    this.find('play').textContent = 'Play';
  }

  wait() {
    this.timer = setTimeout(() => {
      this.go(this.index + 1, TRAVEL);
      if (this.index === this.steps.length - 1) this.pause();
      else this.wait();
    }, ((this.index === 0 ? 300 : TRAVEL) + DWELL) / this.speed);
  }

  go(index, milliseconds = 0) {
    const from = this.index;
    this.index = between(0, index, this.steps.length - 1);
    const { step, way, before } = this.steps[this.index];
    const moves = this.still.matches ? 0 : milliseconds / this.speed;
    this.scene.show(this.index, from, moves);
    const ends = this.story.lost && (step.number === this.story.lost.after_step || this.index === this.steps.length - 1);
    this.scene.diedHere(Boolean(this.story.lost) && step.number === this.story.lost.after_step);
    const pane = this.find('pane');
    pane.dataset.kind = way.kind;
    pane.replaceChildren(
      html('div', { class: 'count' },
        html('span', {}, `Step ${step.number} of ${this.steps.length}, ${way.what}`),
        html('span', {}, this.story.origin === 'predicted' ? '' : `+${duration(step.after_ns)}`)),
      title(step, 'h2'), ...(ends ? [lostBox(this.story)] : []),
      (this.index === this.steps.length - 1 && foretoldBox(this.story)) || '',
      ...stepDetails(step, before, this.story));
    pane.scrollTop = 0;
    this.mark(way);
    const changes = step.changes.map(({ text }) => text).join('; ');
    this.find('live').textContent =
      `Step ${step.number} of ${this.steps.length}: ${step.place} ${step.interface}, ${step.direction}. ${changes}`;
  }

  mark(way) {
    this.buttons.forEach((button, at) => {
      if (at === this.index) button.setAttribute('aria-current', 'step');
      else button.removeAttribute('aria-current');
      button.classList.toggle('is-past', at < this.index && this.steps[at].way === way);
    });
    // Within the list alone: on a phone the page itself must not jump away from the drawing.
    const [ways, row] = [this.find('ways'), this.buttons[this.index].closest('.way')];
    if (ways.scrollHeight > ways.clientHeight) ways.scrollTop = row.offsetTop - ways.offsetTop;
    // Not `disabled`, which would take the keyboard's focus away from whoever got to the end by it.
    const off = (id, is) => this.find(id).setAttribute('aria-disabled', String(is));
    ['back', 'first'].forEach((id) => off(id, this.index === 0));
    ['forward', 'last'].forEach((id) => off(id, this.index === this.steps.length - 1));
  }

  /** The packet was never seen anywhere. */
  nothing() {
    this.scene.diedHere(true);
    this.find('pane').replaceChildren(html('h2', {}, 'No step'), lostBox(this.story) ?? this.story.verdict);
  }

  theme() {
    const button = this.find('theme');
    const set = (dark) => {
      document.documentElement.dataset.theme = dark ? 'dark' : 'light';
      button.textContent = dark ? 'Light' : 'Dark';
      button.setAttribute('aria-label', dark ? 'Switch to light colours' : 'Switch to dark colours');
      button.setAttribute('aria-pressed', String(dark));
    };
    const wanted = matchMedia('(prefers-color-scheme: dark)');
    set(wanted.matches);
    wanted.addEventListener('change', () => set(wanted.matches));
    button.addEventListener('click', () => set(document.documentElement.dataset.theme !== 'dark'));
  }

  /** What is printed: every step, one after the other. */
  paper() {
    const { story } = this;
    const one = (step, before) => html('article', { class: 'step' },
      title(step, 'h3', `${step.number}. `), ...stepDetails(step, before, story));
    this.find('on-paper').replaceChildren(
      ...story.ways.map((way) => html('div', { 'data-kind': way.kind }, html('h2', {}, way.what),
        way.steps.map((step, at) => one(step, way.steps[at - 1] ?? null)))),
      lostBox(story) ?? '', foretoldBox(story) ?? '');
  }
}

new Player(JSON.parse(document.getElementById('data').textContent));
