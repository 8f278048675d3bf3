// A decision about a finding, as lines of corrections: what each key says.
{
  const review = facedata.review;
  // copies: of two photos one is meant, which a person may choose
  review.isCopy = ({ kind }) => kind === 'same_bytes' || kind === 'same_picture';

  /** Return the record and the person of one of a finding's photos. */
  review.photoOf = (item, side, crops, names) => ({
    photo: crops.photo[item[side]],
    person: names.people[crops.person[item[side]]],
  });

  /** Return the photos of a finding: none where two people are meant. */
  review.sidesOf = (item) => (item.shape === 'people' ? [] : item.shape === 'pair' ? ['left', 'right'] : ['left']);

  /** Return why a key makes no sense for a finding; '' if it does. */
  review.whyNot = (item, key) => {
    if (key === 'y' && !item.proposal) return `Nothing is proposed here; ${review.keysOf(item)}.`;
    if ((key === 'd' || key === 'm') && item.shape === 'people') {
      return 'This is about two people, not about one photo: g merges them, n says that they are two.';
    }
    if (key === 'g' && !item.merge) return 'This is not about two people: there is nobody to merge.';
    return '';
  };

  /** Return the keys that make sense, in words. */
  review.keysOf = (item) =>
    item.shape === 'people' ? 'g merges them, n says that they are two'
      : `d drops, m moves, n keeps${item.merge ? ', g merges the two people' : ''}`;

  /**
   * Return the lines of a decision: action, photo, person (whose it is, or who goes), to.
   *
   * `endOf` says into whom somebody is merged by what was decided before.
   */
  review.linesOf = ({ key, side, to, merge }, item, crops, names, endOf) => {
    const of = (action, which, target = '') => ({ action, ...review.photoOf(item, which, crops, names), to: target });
    if (key === 'y') {
      if (item.proposal === 'merge') return review.linesOf({ key: 'g', merge: item.merge }, item, crops, names, endOf);
      if (item.proposal === 'drop') return [of('drop', item.side ?? 'left')];
      if (item.kind !== 'swapped') return [of('move', 'left', item.to_identity)];
      const [left, right] = ['left', 'right'].map((which) => review.photoOf(item, which, crops, names).person);
      return [of('move', 'left', right), of('move', 'right', left)];
    }
    if (key === 'n') {
      if (item.shape === 'people') {
        return [{ action: 'distinct', photo: '', person: item.identity, to: item.to_identity }];
      }
      // of a copy one photo is kept: that it is like a third one is another finding
      const sides = item.shape === 'pair' && !review.isCopy(item) ? ['left', 'right'] : [side];
      return sides.map((which) => of('keep', which));
    }
    if (key === 'd') return [of('drop', side)];
    if (key === 'm') return [of('move', side, to)];
    if (key === 'g') {
      const [goes, stays] = merge.map(endOf);
      if (goes === stays) return [];
      // a name that is not in the set yet can only be the one that stays
      const [from, into] = review.isNew(goes, names) ? [stays, goes] : [goes, stays];
      return [{ action: 'merge', photo: '', person: from, to: into }];
    }
    return [];
  };

  /** Return a line's five cells; the note says which finding it answers. */
  review.cellsOf = ({ action, photo, person, to }, item) => [action, photo, person, to, review.noteOf(item)];

  /** Return the note of a finding's lines, by which a later review recognises them. */
  review.noteOf = (item) => `${item.kind}: ${item.why}`;

  /** Return a line in words. */
  review.sayLine = ({ action, photo, person, to }, names) => {
    const [from, into] = [person, to].map((name) => review.shown(name, names));
    if (action === 'merge') return `merge ${from} into ${into}`;
    if (action === 'distinct') return `${from} and ${into} are two people`;
    if (action === 'move') return `move ${photo} to ${into}`;
    return `${action} ${photo}`;
  };

  /** Return what is proposed, in words; '' for nothing. */
  review.sayProposal = (item, crops, names) => {
    if (!item.proposal) return '';
    const lines = review.linesOf({ key: 'y' }, item, crops, names, (name) => name);
    if (item.kind === 'swapped') return 'Move each of the two photos to the other’s person.';
    const [{ action, photo, person, to }] = lines;
    if (action === 'merge') return `Merge ${person} into ${to}: one person under two names.`;
    if (action === 'move') return `Move this photo to ${to}.`;
    return item.shape === 'pair' ? `Drop ${photo}, and keep the other.` : 'Drop this photo.';
  };
}
