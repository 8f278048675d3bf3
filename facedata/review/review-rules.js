// What lines mean together: which contradict each other, as `fix` would refuse them, and what they settle.
{
  const review = facedata.review;
  const pair = (one, other) => JSON.stringify([one, other].sort());

  /**
   * All lines at once; their order does not matter, but that of the merges they are made from.
   *
   * Each line has `by`: what it comes from, a finding's number or a text. `problem` is the first contradiction,
   * `{text, by}`, null if there is none; a text says what `by` says.
   */
  review.Rules = class {
    constructor(names) {
      this.names = names;
      this.into = new Map();
      this.photos = new Map();
      this.distinct = new Map();
      this.problem = null;
      this.endOf = this.endOf.bind(this);
    }

    /** Return the person that somebody is merged into in the end. */
    endOf(person) {
      let end = person;
      for (let merge = this.into.get(end); merge; merge = this.into.get(end)) end = merge.to;
      return end;
    }

    /** Return whose merge joins two people; undefined if none does. */
    mergedBy(one, other) {
      if (one === other || this.endOf(one) !== this.endOf(other)) return undefined;
      const start = this.into.has(one) ? one : other;
      return this.into.get(start).by;
    }

    /** Add a merge; one of somebody who is merged already must lead to the same person. */
    addMerge({ person, to, by }) {
      const before = this.into.get(person);
      if (person === to) this.fail(`merges ${this.show(person)} into themselves`, by);
      else if (review.isNew(person, this.names)) this.fail(`merges ${this.show(person)}, who is new by lines of corrections.csv, into ${this.show(to)}`, by);
      else if (this.endOf(to) === person) this.fail(`merges ${this.show(to)} into ${this.show(person)}`, this.into.get(to).by);
      else if (!before) this.into.set(person, { to, by });
      else if (this.endOf(before.to) !== this.endOf(to)) this.fail(`merges ${this.show(person)} into ${this.show(before.to)}`, before.by);
    }

    /** Add a line of another kind; all merges are there. */
    addLine(line) {
      if (line.action === 'distinct') this.addDistinct(line);
      else this.addPhoto(line);
    }

    addDistinct({ person, to, by }) {
      const ends = [this.endOf(person), this.endOf(to)];
      if (ends[0] === ends[1]) {
        this.fail(`says that ${this.show(person)} and ${this.show(to)} are two people`, by, this.mergedBy(person, to),
          `merges ${this.show(person)} and ${this.show(to)}`);
      } else if (!this.distinct.has(pair(...ends))) this.distinct.set(pair(...ends), by);
    }

    addPhoto(line) {
      const { action, photo, person, to, by } = line;
      if (action === 'move' && person && this.endOf(person) === this.endOf(to)) {
        const text = `moves ${photo} from ${this.show(person)} to ${this.show(to)}`;
        if (person === to) this.fail(`${text}, whose photo it is`, by);
        else this.fail(text, by, this.mergedBy(person, to), `merges ${this.show(person)} and ${this.show(to)}`);
        return;
      }
      const before = this.photos.get(photo);
      const isSame = !before || (before.action === action && (action !== 'move' || this.endOf(before.to) === this.endOf(to)));
      if (!isSame) this.fail(this.saysOf(before), before.by, by, this.saysOf(line));
      else if (!before) this.photos.set(photo, line);
    }

    saysOf({ action, photo, to }) {
      return `${action}s ${photo}${action === 'move' ? ` to ${this.show(to)}` : ''}`;
    }

    show(name) {
      return review.shown(name, this.names);
    }

    /** Note a contradiction between what `by` says and, perhaps, what `other` does. */
    fail(text, by, other, otherText) {
      this.problem ??= { text, by, other, otherText };
    }

    /** Return what settles a finding that nobody has decided about: a number or a text; undefined if nothing does. */
    settledBy(item, crops) {
      if (item.shape === 'people') {
        return this.mergedBy(item.identity, item.to_identity) ?? this.distinctBy(item.identity, item.to_identity);
      }
      const lines = review.sidesOf(item).map((side) => this.photos.get(crops.photo[item[side]]));
      const [left, right] = lines;
      if (item.shape === 'photo') {
        return left?.by ?? (item.kind === 'wrong_person' && item.merge ? this.mergedBy(...item.merge) : undefined);
      }
      const kept = lines.find((line) => line?.action === 'keep');
      if (kept) return kept.by;
      if (review.isCopy(item)) {
        const dropped = lines.find((line) => line?.action === 'drop');
        if (dropped) return dropped.by;
        const people = item.kind === 'same_picture' && item.merge ? this.distinctBy(...item.merge) : undefined;
        return people ?? (left && right ? right.by : undefined);
      }
      const merged = item.merge ? this.mergedBy(...item.merge) : undefined;
      if (merged !== undefined) return merged;
      if (item.kind === 'official_pair') return left?.by ?? right?.by;
      return left && right ? right.by : undefined;
    }

    distinctBy(one, other) {
      return this.distinct.get(pair(this.endOf(one), this.endOf(other)));
    }
  };
}
