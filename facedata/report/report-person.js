'use strict';
// A person's page, with all crops, and what is known of one of them: two dialogs, one before the other.

/** The side of a thumbnail in a person's page. */
const CROP_PX = 96;
const CROP_GAP_PX = 8;
const UNKNOWN_TILT = -32768;

/** Put a page's title, its buttons and its body into its dialog. */
const fillDialog = ({ dialog, title, before, after, body }) => {
  const { el } = facedata;
  const back = el(
    'button',
    { type: 'button', text: 'Back ', on: { click: () => dialog.close() } },
    el('kbd', { text: 'Esc' }),
  );
  dialog.append(el('div', { class: 'head' }, title, el('div', { class: 'turn' }, before, after, back)), body);
};

facedata.PersonPage = class {
  constructor(set, people) {
    const { el } = facedata;
    Object.assign(this, { set, people, person: null });
    this.dialog = document.getElementById('person');
    this.crop = new facedata.CropPage(set);
    this.title = el('h2', { id: 'person-name', tabindex: '-1' });
    this.about = el('p', { class: 'about' });
    this.findings = el('details', { class: 'of-person' });
    this.list = el('div', { class: 'crops', role: 'list', 'aria-label': 'Crops' });
    this.body = el('div', { class: 'body' }, this.about, this.findings, this.list);
    this.before = el('button', { type: 'button', text: '‹ Previous', on: { click: () => this.turn(-1) } });
    this.after = el('button', { type: 'button', text: 'Next ›', on: { click: () => this.turn(1) } });
    fillDialog(this);
    this.rows = new facedata.Rows({
      box: this.body,
      list: this.list,
      draw: (first, last) => this.drawRow(first, last),
      fill: (row, first) => this.fillRow(row, first),
      measure: () => {
        this.rows.perRow = Math.max(1, Math.floor((this.list.clientWidth + CROP_GAP_PX) / (CROP_PX + CROP_GAP_PX)));
      },
    });
    this.dialog.addEventListener('close', () => this.leave());
    // other people replace this one, so that one step back leads to where one came from
    for (const dialog of [this.dialog, this.crop.dialog]) {
      dialog.addEventListener('click', (event) => {
        const link = event.target.closest('a[href^="#person="]');
        if (!link) return;
        event.preventDefault();
        location.replace(link.hash);
        this.crop.close();
      });
    }
  }

  /** Show a person; `canGoBack` when one step back in the browser's history leads to where one came from. */
  open(name, canGoBack) {
    const person = this.set.numbers.get(name);
    this.crop.close();
    if (!this.dialog.open) {
      this.opener = document.activeElement;
      this.canGoBack = canGoBack;
      this.dialog.showModal();
    }
    this.person = person ?? null;
    this.title.replaceChildren(facedata.longName(name));
    this.about.replaceChildren(
      ...(person === undefined ? ['This page has nobody of that name.'] : this.describe(person)),
    );
    this.showFindings(person);
    const place = person === undefined ? -1 : this.people.placeOf(person);
    this.before.disabled = place <= 0;
    this.after.disabled = place < 0 || place === this.people.found.length - 1;
    this.rows.show(person === undefined ? 0 : this.set.people.count[person]);
    this.title.focus({ preventScroll: true });
  }

  close() {
    this.crop.close();
    this.dialog.close();
  }

  /** The dialog is closed: the address and the focus are what they were before. */
  leave() {
    if (location.hash.startsWith(PERSON)) {
      if (this.canGoBack) history.back();
      else history.replaceState(null, '', '#people');
    }
    const place = this.person === null ? -1 : this.people.placeOf(this.person);
    const isOfList =
      !this.opener?.isConnected || this.opener === document.body || this.people.box.contains(this.opener);
    if (isOfList && place >= 0) this.people.rows.focus(place);
    else if (this.opener?.isConnected) this.opener.focus();
  }

  /** Go on to the next person of the list, as it is sorted now. */
  turn(step) {
    const place = this.people.placeOf(this.person) + step;
    location.replace(facedata.personHash(this.set.people.name[this.people.found[place]]));
  }

  describe(person) {
    const { set } = this;
    const here = set.people.count[person];
    const photos = set.photosOf(person);
    const quality = set.people.quality[person];
    return [
      facedata.counted(photos, 'photo') + (here < photos ? `, ${facedata.count(here)} of them here` : ''),
      ...(quality === UNKNOWN ? [] : [`quality ${facedata.share(quality)}`]),
      ...set.splitsOf(person).map(([split, count]) => `${split} ${facedata.count(count)}`),
    ].map((text) => facedata.el('span', { class: 'badge', text }));
  }

  /** The worst findings about a person; this page may have but some of the set's. */
  showFindings(person) {
    const findings = (this.set.byName.get(this.set.people.name[person]) ?? []).slice(0, FINDINGS_AT_ONCE);
    const count = Math.max(findings.length, this.set.people.findings[person] ?? 0);
    const text =
      facedata.counted(count, 'finding') +
      (findings.length < count ? `, ${facedata.count(findings.length)} of them here` : '');
    this.findings.hidden = findings.length === 0;
    this.findings.open = findings.length <= 3;
    this.findings.replaceChildren(
      facedata.el('summary', { text }),
      ...findings.map((finding) => facedata.drawFinding(this.set, finding)),
    );
  }

  drawRow(first, last) {
    const row = facedata.el('div', { class: 'row', role: 'none' });
    for (let item = first; item < last; item++) {
      const crop = this.set.people.start[this.person] + item;
      const findings = this.set.byCrop.get(crop) ?? [];
      const said = [
        this.set.crops.photo[crop],
        this.set.splitOf(crop),
        ...(findings.length ? [facedata.counted(findings.length, 'finding')] : []),
      ];
      const button = facedata.el(
        'button',
        {
          type: 'button',
          class: 'crop',
          'aria-label': said.join(', '),
          title: this.set.crops.photo[crop],
          data: { item },
          on: { click: () => this.showCrop(item) },
        },
        facedata.el('span', { class: 'tile' }),
        findings.length ? facedata.el('span', { class: 'sign', 'aria-hidden': 'true', text: '!' }) : null,
      );
      row.append(
        facedata.el('div', { role: 'listitem', 'aria-setsize': this.rows.count, 'aria-posinset': item + 1 }, button),
      );
    }
    return row;
  }

  fillRow(row, first) {
    const start = this.set.people.start[this.person] + first;
    row.querySelectorAll('.tile').forEach((tile, at) => this.set.sheets.show(tile, start + at, CROP_PX));
  }

  showCrop(item) {
    this.crop.open(this.person, item, (last) => this.rows.focus(last));
  }
};

facedata.CropPage = class {
  constructor(set) {
    const { el } = facedata;
    this.set = set;
    this.dialog = document.getElementById('crop');
    this.title = el('h2', { id: 'crop-name', tabindex: '-1' });
    this.body = el('div', { class: 'body' });
    this.before = el(
      'button',
      { type: 'button', on: { click: () => this.turn(-1) } },
      el('kbd', { text: '←' }),
      ' Previous',
    );
    this.after = el('button', { type: 'button', on: { click: () => this.turn(1) } }, 'Next ', el('kbd', { text: '→' }));
    fillDialog(this);
    this.dialog.addEventListener('close', () => this.onClosed?.(this.item));
    this.dialog.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.turn(step);
    });
  }

  /** Show a person's crop number `item`; when it is closed, `onClosed` is told which one was seen last. */
  open(person, item, onClosed) {
    Object.assign(this, { person, onClosed });
    this.show(item);
    if (!this.dialog.open) this.dialog.showModal();
    this.title.focus({ preventScroll: true });
  }

  /** Close, and leave the focus to what is shown next. */
  close() {
    this.onClosed = null;
    this.dialog.close();
  }

  turn(step) {
    const item = this.item + step;
    if (item >= 0 && item < this.set.people.count[this.person]) this.show(item);
  }

  show(item) {
    const { el } = facedata;
    this.item = item;
    const crop = this.set.people.start[this.person] + item;
    const count = this.set.people.count[this.person];
    const focused = document.activeElement; // some browsers take the focus from a button as it is disabled
    this.before.disabled = item === 0;
    this.after.disabled = item === count - 1;
    this.title.replaceChildren(facedata.longName(this.set.crops.photo[crop]));
    const findings = this.set.byCrop.get(crop) ?? [];
    this.body.replaceChildren(
      el(
        'div',
        { class: 'one-crop' },
        this.drawPicture(crop),
        this.drawFacts(crop, `${facedata.count(item + 1)} of ${facedata.count(count)}`),
      ),
      ...findings.map((finding) => facedata.drawFinding(this.set, finding)),
    );
    this.body.scrollTop = 0;
    // a button that cannot be pressed any more hears no keys
    if (focused.disabled) this.title.focus({ preventScroll: true });
  }

  /** The crop at full size where its file is at hand, else its thumbnail. */
  drawPicture(crop) {
    const { el } = facedata;
    const tile = this.set.tile(crop, CROP_PX);
    const file = this.set.fileOf(crop);
    if (!file) return tile;
    const image = el('img', { src: file, alt: this.set.labelOf(crop), on: { error: () => link.replaceWith(tile) } });
    const link = el('a', { href: file, target: '_blank', rel: 'noopener', title: 'Open the crop by itself' }, image);
    return link;
  }

  drawFacts(crop, place) {
    const { el } = facedata;
    const { crops } = this.set;
    const facts = [
      ['Person', facedata.name(this.set.people.name[this.person])],
      ['Crop', place],
      ['Split', this.set.splitOf(crop)],
      ['Score of the face', crops.score[crop] === UNKNOWN ? 'not known' : (crops.score[crop] / 100).toFixed(2)],
      ['Tilt', crops.tilt[crop] === UNKNOWN_TILT ? 'not known' : `${(crops.tilt[crop] / 10).toFixed(1)}°`],
      ['Size of the face', crops.face_px[crop] ? `${facedata.count(crops.face_px[crop])} px` : 'not known'],
      ['In pairs', facedata.count(crops.pairs[crop])],
      ['In triplets', facedata.count(crops.triplets[crop])],
    ];
    const list = el('dl', { class: 'facts' });
    for (const [name, value] of facts) list.append(el('dt', { text: name }), el('dd', {}, value));
    for (const [name, values] of this.set.qualities) {
      const isKnown = values[crop] !== UNKNOWN;
      const text = isKnown ? facedata.share(values[crop]) : 'not known';
      // the bar says what the number beside it says
      const bar = isKnown ? el('meter', { min: 0, max: 254, value: values[crop], 'aria-hidden': 'true' }) : null;
      list.append(
        el('dt', { text: name.replaceAll('_', ' ') }),
        el('dd', { class: 'measure' }, el('span', { class: 'number', text }), bar),
      );
    }
    return list;
  }
};
