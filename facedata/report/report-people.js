'use strict';
// The people: a row each, found by name, in the order that one asks for.

/** Of a column of bytes. */
const UNKNOWN = 255;
const STRIP_GAP_PX = 4;

/** A share in a byte as text, 0 to 1. */
facedata.share = (byte) => (byte / 254).toFixed(2);

facedata.People = class {
  constructor(set) {
    this.set = set;
    this.every = Uint32Array.from(set.people.name.keys());
    this.ordered = this.every;
    this.found = this.every;
    document.getElementById('people-list').hidden = false;
    this.box = document.getElementById('people-box');
    this.rows = new facedata.Rows({
      box: this.box,
      list: document.getElementById('people-rows'),
      draw: (at) => this.drawRow(at),
      fill: (row, at) => this.fillStrip(row.querySelector('.strip'), this.found[at]),
      measure: (row) => this.measure(row),
    });
    this.search = document.getElementById('people-search');
    this.search.addEventListener('focus', () => this.fold());
    this.search.addEventListener('input', () => this.find());
    this.search.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.rows.focus(0);
    });
    this.sort = document.getElementById('people-sort');
    for (const [text, order] of this.orders()) this.sort.append(facedata.el('option', { text, value: order }));
    this.sort.addEventListener('change', () => this.order());
    addEventListener('beforeprint', () => {
      const people = facedata.counted(this.found.length, 'person', 'people');
      document.getElementById('people-printed').textContent =
        `Printed are ${facedata.count(this.rows.rows.size)} of ${people}, those about the place where the list stood.`;
    });
    this.find();
  }

  /** The ways to sort that the set has numbers for. */
  orders() {
    const { quality, findings } = this.set.people;
    return [
      ['name', 'name'],
      ['most photos', 'most'],
      ['fewest photos', 'fewest'],
      ['worst quality', 'worst', quality.some((one) => one !== UNKNOWN)],
      ['best quality', 'best', quality.some((one) => one !== UNKNOWN)],
      ['most findings', 'findings', findings.some((one) => one > 0)],
    ].filter(([, , isKnown = true]) => isKnown);
  }

  order() {
    const { quality, findings } = this.set.people;
    const keys = {
      most: (person) => -this.set.photosOf(person),
      fewest: (person) => this.set.photosOf(person),
      worst: (person) => quality[person],
      best: (person) => (quality[person] === UNKNOWN ? 0 : -quality[person]),
      findings: (person) => -findings[person],
    };
    const key = keys[this.sort.value];
    this.ordered = key ? this.every.slice().sort((one, other) => key(one) - key(other) || one - other) : this.every;
    this.find();
  }

  /** Make the names comparable: a hundred thousand take a moment, so before the first letter. */
  fold() {
    this.folded ??= this.set.people.name.map(facedata.fold);
  }

  find() {
    const wanted = facedata.fold(this.search.value).trim();
    if (wanted) this.fold();
    this.found = wanted ? this.ordered.filter((person) => this.folded[person].includes(wanted)) : this.ordered;
    this.box.hidden = this.found.length === 0;
    this.rows.show(this.found.length);
    document.getElementById('people-hits').textContent = this.sayHits(wanted);
    requestAnimationFrame(() => performance.mark('facedata-searched'));
  }

  sayHits(wanted) {
    const { people, crops } = this.set.total;
    const here = facedata.counted(this.every.length, 'person', 'people');
    if (wanted && !this.found.length) return 'Nobody here has such a name';
    if (wanted) return `${facedata.count(this.found.length)} of ${here}`;
    if (this.every.length === people) return `${here}, ${facedata.counted(crops, 'crop')}`;
    return `${here} of ${facedata.count(people)} in the set`;
  }

  /** Where a person is in the list as it is now; -1 if not there. */
  placeOf(person) {
    return this.found.indexOf(person);
  }

  drawRow(at) {
    const { el } = facedata;
    const { set } = this;
    const person = this.found[at];
    const name = set.people.name[person];
    const quality = set.people.quality[person];
    const findings = set.people.findings[person];
    const link = el(
      'a',
      { class: 'who', href: facedata.personHash(name), title: name, data: { item: at } },
      facedata.name(name),
    );
    const about = el('span', { class: 'about' }, el('span', { text: facedata.counted(set.photosOf(person), 'photo') }));
    if (quality !== UNKNOWN) about.append(el('span', { text: `quality ${facedata.share(quality)}` }));
    const badges = el('span', { class: 'badges' });
    for (const [split, count] of set.splitsOf(person))
      badges.append(el('span', { class: 'badge', text: `${split} ${facedata.count(count)}` }));
    if (findings) badges.append(el('span', { class: 'badge suspect', text: facedata.counted(findings, 'finding') }));
    return el(
      'li',
      { class: 'person', 'aria-setsize': this.found.length, 'aria-posinset': at + 1 },
      el('div', { class: 'words' }, link, about, badges),
      el('span', { class: 'strip' }),
    );
  }

  measure(row) {
    // no taller than all people need, whatever is searched
    this.box.style.maxHeight = `calc(${this.every.length * row.offsetHeight}px + 2px)`;
    const strip = row.querySelector('.strip');
    this.side = Math.floor(strip.clientHeight);
    this.fits = Math.max(1, Math.floor((strip.clientWidth + STRIP_GAP_PX) / (this.side + STRIP_GAP_PX)));
  }

  /** As many of a person's crops as fit, and how many more there are. */
  fillStrip(strip, person) {
    const photos = this.set.photosOf(person);
    const shown = Math.min(this.set.people.count[person], photos > this.fits ? this.fits - 1 : photos);
    const first = this.set.people.start[person];
    for (let crop = first; crop < first + shown; crop++) {
      const tile = facedata.el('span', { class: 'tile' });
      this.set.sheets.show(tile, crop, this.side);
      strip.append(tile);
    }
    if (shown < photos)
      strip.append(facedata.el('span', { class: 'more', text: `+${facedata.count(photos - shown)}` }));
    strip.setAttribute('role', 'img');
    strip.setAttribute('aria-label', shown < photos ? `${shown} of the crops` : 'All crops');
    strip.classList.add('filled');
  }
};
