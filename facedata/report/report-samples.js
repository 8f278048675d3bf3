'use strict';
// Some pairs and triplets of a split, as pictures; others at a click.

const PAIRS_SHOWN = 8;
const TRIPLETS_SHOWN = 4;
const SAMPLE_PX = 80;

facedata.showSamples = (set) => {
  const { el } = facedata;
  const holder = document.getElementById('samples-shown');
  // a split may be called like what every object has, such as `constructor`
  const rowsOf = (samples, split) => (Object.hasOwn(samples, split) ? samples[split] : []);
  const has = (samples, split) => rowsOf(samples, split).length > 0;
  const named = new Set([...set.splits, ...Object.keys(set.pairs), ...Object.keys(set.triplets)]);
  const splits = [...named].filter((split) => has(set.pairs, split) || has(set.triplets, split));
  if (!splits.length) {
    holder.append(el('p', { class: 'quiet', text: 'The set has no pairs and no triplets.' }));
    return;
  }
  let seed = 0;
  const select = el(
    'select',
    { id: 'samples-split', on: { change: () => draw() } },
    ...splits.map((split) => el('option', { text: split, value: split })),
  );
  const button = el('button', { type: 'button', text: 'Draw others', on: { click: () => draw() } });
  const shown = el('div', {});
  holder.append(el('div', { class: 'tools' }, el('label', {}, 'Split ', select), button), shown);

  const draw = () => {
    const random = facedata.random(++seed);
    const pairs = rowsOf(set.pairs, select.value);
    const same = choose(
      pairs.filter((pair) => pair[2]),
      PAIRS_SHOWN / 2,
      random,
    );
    const other = choose(
      pairs.filter((pair) => !pair[2]),
      PAIRS_SHOWN - same.length,
      random,
    );
    const triplets = choose(rowsOf(set.triplets, select.value), TRIPLETS_SHOWN, random);
    shown.replaceChildren();
    if (pairs.length)
      shown.append(
        el('h3', { text: 'Pairs' }),
        el('ul', { class: 'samples', role: 'list' }, ...[...same, ...other].map((pair) => drawPair(set, pair))),
      );
    if (triplets.length)
      shown.append(
        el('h3', { text: 'Triplets' }),
        el('ul', { class: 'samples', role: 'list' }, ...triplets.map((triplet) => drawTriplet(set, triplet))),
      );
    const counts = [facedata.counted(same.length + other.length, 'pair'), facedata.counted(triplets.length, 'triplet')];
    if (seed > 1) facedata.say(`${counts.join(' and ')} of ${select.value}`);
  };
  draw();
};

/** Some of a list, each at most once. */
const choose = (list, count, random) => {
  const left = list.slice();
  const chosen = [];
  while (left.length && chosen.length < count) chosen.push(...left.splice(Math.floor(random() * left.length), 1));
  return chosen;
};

const drawPair = (set, [left, right, same]) =>
  facedata.el(
    'li',
    { class: 'sample' },
    facedata.el('span', { class: same ? 'badge good' : 'badge', text: same ? 'same person' : 'two people' }),
    facedata.el('div', { class: 'sides' }, drawSide(set, left), drawSide(set, right)),
  );

const drawTriplet = (set, [anchor, positive, negative]) =>
  facedata.el(
    'li',
    { class: 'sample' },
    facedata.el(
      'div',
      { class: 'sides' },
      drawSide(set, anchor, 'anchor'),
      drawSide(set, positive, 'positive'),
      drawSide(set, negative, 'negative'),
    ),
  );

const drawSide = (set, crop, part = null) => {
  const { el } = facedata;
  return el(
    'figure',
    {},
    set.tile(crop, SAMPLE_PX),
    el(
      'figcaption',
      {},
      part ? el('span', { class: 'part', text: part }) : null,
      facedata.personLink(set, set.people.name[set.personOf(crop)]),
    ),
  );
};
