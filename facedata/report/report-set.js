'use strict';
// The set as this page knows it: people, crops, findings and thumbnails. And the page's start.

/** How near to the window a thumbnail is shown. */
const NEAR = '300px';

facedata.ReportSet = class {
  /** `data`: see page_data.py, which packs it. A crop is its place in page order, a person a number. */
  constructor(data) {
    Object.assign(this, {
      splits: data.splits,
      findings: data.findings,
      pairs: data.pairs,
      triplets: data.triplets,
      total: data.total,
      cropFiles: data.crop_files,
    });
    this.sheets = new facedata.Sheets({ ...data.sheets, files: data.sheets.files.map(toShortUrl) });
    this.isInPage = data.sheets.files.every((file) => file.startsWith('data:'));
    this.seen = new IntersectionObserver(
      (changes) => {
        for (const { isIntersecting, target } of changes) if (isIntersecting) this.show(target);
      },
      { rootMargin: NEAR },
    );
    addEventListener('beforeprint', () =>
      document.querySelectorAll('.tile.waiting').forEach((tile) => this.show(tile)),
    );
    this.people = unpack(data.people);
    this.crops = unpack(data.crops);
    this.qualities = Object.entries(this.crops.quality).map(([name, packed]) => [name, facedata.column(packed)]);
    this.numbers = new Map(this.people.name.map((name, person) => [name, person]));
    this.byCrop = new Map();
    this.byName = new Map();
    for (const finding of this.findings) {
      for (const crop of new Set([finding.left, finding.right])) if (crop !== null) append(this.byCrop, crop, finding);
      const names = [finding.left_identity, finding.right_identity, finding.identity, finding.to_identity];
      for (const name of new Set(names)) if (name !== null) append(this.byName, name, finding);
    }
  }

  /** A crop's thumbnail. A sheet beside the page is asked for when it is about to be seen. */
  tile(crop, side) {
    const about = { class: 'tile waiting', role: 'img', 'aria-label': this.labelOf(crop), data: { crop, side } };
    const tile = facedata.el('span', about);
    tile.style.width = tile.style.height = `${side}px`;
    if (this.isInPage) this.show(tile);
    else this.seen.observe(tile);
    return tile;
  }

  /** Show a thumbnail that has waited. */
  show(tile) {
    this.seen.unobserve(tile);
    tile.classList.remove('waiting');
    this.sheets.show(tile, Number(tile.dataset.crop), Number(tile.dataset.side));
  }

  /** How many photos a person has in the set, which may be more than this page shows. */
  photosOf(person) {
    return this.people.shown_of ? this.people.shown_of[person] : this.people.count[person];
  }

  /** Whose crop it is. */
  personOf(crop) {
    const { start } = this.people;
    let low = 0;
    let high = start.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (start[middle] <= crop) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** How many of a person's crops on this page are in each split, as [name, count], without zeros. */
  splitsOf(person) {
    const counts = new Map();
    const first = this.people.start[person];
    for (let crop = first; crop < first + this.people.count[person]; crop++) {
      const split = this.splitOf(crop);
      counts.set(split, (counts.get(split) ?? 0) + 1);
    }
    return [...counts];
  }

  splitOf(crop) {
    return this.splits[this.crops.split[crop]] ?? 'no split';
  }

  /** What a crop's picture is, for who cannot see it. */
  labelOf(crop) {
    return `${this.crops.photo[crop]} of ${this.people.name[this.personOf(crop)]}, ${this.splitOf(crop)}`;
  }

  /** Where the crop is at full size; null if it is in no file of its own. */
  fileOf(crop) {
    if (!this.cropFiles || !this.crops.path) return null;
    return this.cropFiles + this.crops.path[crop].split('/').map(encodeURIComponent).join('/');
  }
};

/** The same text for all ways to write a name: no accents, no capitals, `_` as a blank. */
facedata.fold = (text) =>
  // capitals first: they make two letters of ß and one of both forms of s
  text
    .toUpperCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .replace(/[\s_]+/g, ' ');

/** A count with its noun. */
facedata.counted = (count, one, many = `${one}s`) => `${facedata.count(count)} ${count === 1 ? one : many}`;

/** A name that may be broken after `_`, `/` and the like, before it is broken anywhere. */
facedata.longName = (text, about = {}) => {
  const name = facedata.el('bdi', about);
  for (const part of text.split(/(?<=[_/.-])/))
    name.append(...(name.childNodes.length ? [facedata.el('wbr')] : []), part);
  return name;
};

/** A link to a person's page; the name alone if the person is not on this page. */
facedata.personLink = (set, name) =>
  set.numbers.has(name)
    ? facedata.el('a', { href: facedata.personHash(name) }, facedata.longName(name))
    : facedata.longName(name);

facedata.personHash = (name) => `#person=${encodeURIComponent(name)}`;

const PERSON = '#person=';

const startPage = async () => {
  const set = new facedata.ReportSet(await facedata.readData());
  facedata.report = { set };
  const people = new facedata.People(set);
  const page = new facedata.PersonPage(set, people);
  facedata.showSamples(set);
  facedata.showFindings(set);
  addEventListener('hashchange', (event) => follow(page, new URL(event.oldURL).hash));
  follow(page, null);
  // the sections above have grown since the browser went to one of them
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (target) target.scrollIntoView({ behavior: 'instant' });
  facedata.ready();
};

/** Show the person that the address names, or none. `before`: the part of the address that was left, or null. */
const follow = (page, before) => {
  if (!location.hash.startsWith(PERSON)) page.close();
  else page.open(nameOf(location.hash), before !== null && !before.startsWith(PERSON));
};

const nameOf = (hash) => {
  try {
    return decodeURIComponent(hash.slice(PERSON.length));
  } catch (error) {
    if (error instanceof URIError) return hash.slice(PERSON.length);
    throw error;
  }
};

document.addEventListener('DOMContentLoaded', () => {
  startPage().catch((error) => {
    const text = `The people, pairs and findings cannot be shown: ${error.message}. Browsers from 2023 on can.`;
    document.getElementById('people').append(facedata.el('p', { class: 'note', role: 'alert', text }));
    throw error;
  });
});

const unpack = (columns) =>
  Object.fromEntries(
    Object.entries(columns).map(([name, value]) => [
      name,
      value && value.bytes !== undefined ? facedata.column(value) : value,
    ]),
  );

const append = (map, key, value) => {
  if (map.has(key)) map.get(key).push(value);
  else map.set(key, [value]);
};

/** A picture that is in the page is named once, not in full on each thumbnail. */
const toShortUrl = (url) => {
  const [head, packed] = url.split(';base64,');
  return packed === undefined
    ? url
    : URL.createObjectURL(new Blob([fromBase64(packed)], { type: head.slice('data:'.length) }));
};
