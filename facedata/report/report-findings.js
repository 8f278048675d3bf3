'use strict';
// What a check found: by kind, some of it at a time, the photos side by side.

const FINDINGS_AT_ONCE = 50;
const FINDING_PX = 96;
/** Crops shown of a person whom a finding means as a whole. */
const CROPS_OF_PERSON = 3;
const SEVERITIES = ['error', 'suspect', 'note'];

facedata.showFindings = (set) => {
  const { el } = facedata;
  const holder = document.getElementById('findings-shown');
  if (!set.findings.length) return;
  const select = (name, values) =>
    el(
      'select',
      { id: `findings-${name}`, on: { change: () => filter() } },
      el('option', { text: 'all', value: '' }),
      ...values.map((value) => el('option', { text: words(value), value })),
    );
  const severity = select(
    'severity',
    SEVERITIES.filter((one) => set.findings.some((finding) => finding.severity === one)),
  );
  const kind = select('kind', [...new Set(set.findings.map((finding) => finding.kind))]);
  const hits = el('p', { class: 'hits', role: 'status' });
  const list = el('div', { class: 'findings' });
  const more = el('button', { type: 'button', on: { click: () => extend(true) } });
  holder.append(
    el('div', { class: 'tools' }, el('label', {}, 'Severity ', severity), el('label', {}, 'Kind ', kind), hits),
    list,
    more,
  );
  let found = [];
  let shown = 0;

  const filter = () => {
    found = set.findings.filter(
      (one) => (!severity.value || one.severity === severity.value) && (!kind.value || one.kind === kind.value),
    );
    shown = 0;
    list.replaceChildren();
    extend(false);
  };

  /** Show some more, under a heading where another kind begins. */
  const extend = (isAsked) => {
    const first = shown;
    shown = Math.min(found.length, first + FINDINGS_AT_ONCE);
    for (let at = first; at < shown; at++) {
      const [before, one] = [found[at - 1], found[at]];
      if (before?.kind !== one.kind || before.severity !== one.severity) list.append(drawHeading(one, found));
      list.append(facedata.drawFinding(set, one));
    }
    hits.textContent = found.length
      ? `${facedata.count(shown)} of ${facedata.counted(found.length, 'finding')} shown`
      : 'No such finding';
    more.hidden = shown === found.length;
    more.textContent = `Show ${facedata.count(Math.min(FINDINGS_AT_ONCE, found.length - shown))} more`;
    if (isAsked) list.querySelectorAll('article')[first].focus();
  };
  filter();
};

/** A code of the tables as words. */
const words = (code) => code.replaceAll('_', ' ');

const drawSeverity = (severity) =>
  facedata.el('span', { class: severity === 'note' ? 'badge' : `badge ${severity}`, text: severity });

const drawHeading = (one, found) => {
  const count = found.filter((other) => other.kind === one.kind && other.severity === one.severity).length;
  return facedata.el(
    'h3',
    {},
    drawSeverity(one.severity),
    ` ${words(one.kind)} `,
    facedata.el('span', { class: 'quiet', text: facedata.count(count) }),
  );
};

/** A finding, the same in all places. */
facedata.drawFinding = (set, one) => {
  const { el } = facedata;
  const sides = [
    drawCulprit(set, one.left, one.left_photo, one.left_identity ?? one.identity, one.left_split),
    drawCulprit(set, one.right, one.right_photo, one.right_identity ?? one.to_identity, one.right_split),
  ].filter(Boolean);
  const measured = sayMeasured(one);
  return el(
    'article',
    { class: 'finding', tabindex: '-1', 'aria-label': `${one.severity}: ${words(one.kind)}` },
    sides.length ? el('div', { class: 'sides' }, ...sides) : null,
    el(
      'div',
      { class: 'said' },
      el('p', { class: 'kind' }, drawSeverity(one.severity), ` ${words(one.kind)}`),
      el('p', {}, facedata.longName(one.why)),
      measured ? el('p', { class: 'quiet', text: measured }) : null,
      one.proposal ? el('p', { class: 'quiet' }, 'Proposed: ', ...sayProposal(set, one)) : null,
    ),
  );
};

/** One side of a finding: a photo, or a person with some crops; null if it has neither. */
const drawCulprit = (set, crop, photo, identity, split) => {
  const { el } = facedata;
  const person = identity === null ? undefined : set.numbers.get(identity);
  const isPerson = crop === null && photo === null;
  if (isPerson && identity === null) return null;
  const tiles = el('div', { class: 'tiles' });
  if (crop !== null) tiles.append(set.tile(crop, FINDING_PX));
  else if (isPerson && person !== undefined) {
    const { start, count } = set.people;
    for (let at = start[person]; at < start[person] + Math.min(count[person], CROPS_OF_PERSON); at++)
      tiles.append(set.tile(at, FINDING_PX));
  } else tiles.append(el('span', { class: 'no-photo', text: 'not on this page' }));
  return el(
    'figure',
    {},
    tiles,
    el(
      'figcaption',
      {},
      identity === null ? null : facedata.personLink(set, identity),
      photo === null ? null : facedata.longName(photo, { class: 'file' }),
      split === null ? null : el('span', { class: 'badge', text: split }),
    ),
  );
};

/** What a finding proposes, as checks/proposals.py makes lines of it. */
const sayProposal = (set, one) => {
  if (one.proposal === 'drop')
    return [['same_bytes', 'same_picture'].includes(one.kind) ? 'drop the later photo' : 'drop the photo'];
  if (one.proposal === 'merge') return ['merge the two people'];
  if (one.kind === 'swapped') return ['move both photos, each to the other person'];
  return ['move the photo to ', facedata.personLink(set, one.to_identity ?? 'another person')];
};

/** What was measured, and on which side of the threshold it is; null if nothing was. */
const sayMeasured = ({ kind, value, threshold }) => {
  if (value === null || kind === 'same_bytes') return null; // the same bytes are the same: there is nothing to measure
  if (threshold === null) return `Measured ${digits(value)}`;
  const side = value < threshold ? 'below' : value > threshold ? 'above' : 'at';
  return `Measured ${digits(value)}, ${side} the threshold of ${digits(threshold)}`;
};

const digits = (number) => Number(number.toPrecision(4)).toLocaleString('en-US', { maximumSignificantDigits: 4 });
