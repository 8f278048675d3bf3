// People's names, as a file of corrections understands them: letter by letter, else by what can be seen of them.
facedata.review = {};
{
  const UNSEEN = /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g;
  const BLANKS = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
  const MARK = /^(?:\+|new:) ?/i;

  /** Return a name without what cannot be seen: as `clean_name` in Python. */
  const clean = (name) =>
    name.split('/')
      .map((part) => part.replace(UNSEEN, '').split(BLANKS).filter(Boolean).join(' ').normalize('NFC') || part)
      .join('/');

  /** Return what a search compares: no case, no accents. */
  const fold = (name) => name.normalize('NFKD').replace(/\p{Mn}/gu, '').replace(/[_\s]+/g, ' ').toLowerCase();

  /** All people of the set: found by what somebody types. */
  facedata.review.Names = class {
    constructor(people, counts) {
      Object.assign(this, { people, counts });
      this.number = new Map(people.map((name, at) => [name, at]));
    }

    /** Return how many photos somebody has; 0 for who is new. */
    count(name) {
      return this.counts[this.number.get(name)] ?? 0;
    }

    /** Return whether somebody is in the set. */
    has(name) {
      return this.number.has(name);
    }

    /** Return the people that a text may mean, the likeliest first: names that begin so, words that do, others. */
    search(text, most) {
      this.folded ??= this.people.map(fold);
      const wanted = fold(text.trim());
      const found = [[], [], []];
      for (let at = 0; at < this.people.length; at += 1) {
        const place = this.folded[at].indexOf(wanted);
        if (place < 0) continue;
        const rank = place === 0 ? 0 : this.folded[at].includes(` ${wanted}`) ? 1 : 2;
        if (found[rank].length < most) found[rank].push(this.people[at]);
      }
      return found.flat().slice(0, most);
    }

    /** Return what a file calls the person that is typed: a name of the set, or `new:NAME`; '' if it names nobody. */
    typed(text) {
      if (this.number.has(text)) return text;
      this.cleaned ??= new Map(this.people.map((name) => [clean(name), name]));
      const seen = clean(text);
      if (this.cleaned.has(seen)) return this.cleaned.get(seen);
      const bare = clean(seen.replace(MARK, ''));
      if (this.cleaned.has(bare)) return this.cleaned.get(bare);
      return bare ? `new:${bare}` : '';
    }
  };

  Object.assign(facedata.review, { clean });

  /** Return whether a name is one that the corrections make. */
  facedata.review.isNew = (name, names) => name.startsWith('new:') && !names.has(name);

  /** Return a name as people read it. */
  facedata.review.shown = (name, names) => (facedata.review.isNew(name, names) ? name.slice(4) : name);
}
