// What was decided, in which order, and what follows from it; kept in the browser.
{
  const review = facedata.review;

  /** Return a line without its origin, to compare. */
  const textOf = ({ action, photo, person, to }) => JSON.stringify([action, photo, person, to]);

  review.Store = class {
    /** `storage` is the browser's, or null where it lets nothing be kept. */
    constructor(data, storage) {
      Object.assign(this, { data, storage, items: data.items, crops: data.crops });
      this.names = new review.Names(data.people, data.counts);
      this.key = `facedata-review-${data.key}`;
      this.isKept = storage !== null;
      this.base = new Map();
      this.own = this.adopt(data.own);
      this.stays = this.fitting(this.own);
      this.adopted = this.base;
      this.restore();
    }

    /** Take lines of an earlier review as decisions; return the others, which stay as they are. */
    adopt(own) {
      const byNote = new Map(this.items.map((item, at) => [review.noteOf(item), at]));
      const lines = new Map();
      for (const one of own) {
        const at = byNote.get(one.cells[4]);
        if (at !== undefined && one.meant.length) lines.set(at, [...(lines.get(at) ?? []), one]);
      }
      const adopted = new Set();
      for (const [at, some] of lines) {
        const step = this.stepOf(at, some.flatMap((one) => one.meant));
        if (!step) continue;
        this.base.set(at, step);
        some.forEach((one) => adopted.add(one));
      }
      return own.filter((one) => !adopted.has(one));
    }

    /** Return the decision that gives some lines; undefined if none does. */
    stepOf(at, lines) {
      const item = this.items[at];
      const sides = review.sidesOf(item);
      const steps = [
        { key: 'y' },
        ...(sides.length ? sides : ['left']).map((side) => ({ key: 'n', side })),
        ...sides.map((side) => ({ key: 'd', side })),
        ...sides.flatMap((side) => lines.map((line) => ({ key: 'm', side, to: line.to }))),
        ...lines.map((line) => ({ key: 'g', merge: [line.person, line.to] })),
      ];
      const wanted = lines.map(textOf).sort().join();
      return steps.find((step) => !review.whyNot(item, step.key)
        && this.linesOf(step, at, (name) => name).map(textOf).sort().join() === wanted);
    }

    /** Return the lines that fit each other: all of them, but of a file that `fix` would refuse. */
    fitting(own) {
      const isFit = (lines) => {
        this.stays = lines;
        return !this.judge(new Map()).rules.problem;
      };
      if (isFit(own)) return own;
      return own.reduce((fit, one) => (isFit([...fit, one]) ? [...fit, one] : fit), []);
    }

    linesOf(step, at, endOf) {
      return review.linesOf(step, this.items[at], this.crops, this.names, endOf);
    }

    /** Return all that some decisions, and the lines that stay, mean together. */
    judge(decided) {
      const rules = new review.Rules(this.names);
      const lines = new Map();
      const others = [];
      const add = (line) => (line.action === 'merge' ? rules.addMerge(line) : others.push(line));
      for (const one of this.stays) for (const line of one.meant) add({ ...line, by: `line ${one.line}` });
      for (const [at, step] of decided) {
        const mine = this.linesOf(step, at, rules.endOf);
        lines.set(at, mine);
        for (const line of mine) add({ ...line, by: at });
      }
      others.forEach((line) => rules.addLine(line));
      return { rules, lines };
    }

    /** Go to another state. */
    follow(decided, skipped, judged = this.judge(decided)) {
      Object.assign(this, { decided, skipped, ...judged, settled: new Map() });
    }

    /** Decide about a finding, or skip it with the key `s`; return why it cannot be: `{text, by}`, or null. */
    decide(at, step) {
      const refused = this.apply(at, step);
      if (refused) return refused;
      this.steps.push({ at, ...step });
      this.keep();
      return null;
    }

    apply(at, step) {
      const decided = new Map(this.decided);
      const skipped = new Set(this.skipped);
      decided.delete(at);
      skipped.delete(at);
      if (step.key === 's') skipped.add(at);
      else decided.set(at, step);
      const judged = this.judge(decided);
      if (judged.rules.problem) return this.explain(judged.rules.problem, at);
      this.follow(decided, skipped, judged);
      return null;
    }

    /** Say a contradiction from where somebody stands: what the other decision says. */
    explain({ text, by, other, otherText }, at) {
      if (by !== at) return { text: `${review.sayBy(by)} ${text}.`, by };
      if (other === undefined) return { text: `This ${text}.`, by };
      return { text: `${review.sayBy(other)} ${otherText}.`, by: other };
    }

    /** Take the last step back; return the finding that it was about, undefined if there is none. */
    undo() {
      const last = this.steps.pop();
      if (!last) return undefined;
      this.replay(this.steps.splice(0));
      this.keep();
      return last.at;
    }

    /** Make steps again, from what corrections.csv held. */
    replay(steps) {
      this.follow(new Map(this.base), new Set());
      for (const { at, ...step } of steps) {
        if (this.isStep(at, step) && !this.apply(at, step)) this.steps.push({ at, ...step });
        else this.lost += 1;
      }
    }

    /** Return whether something is a step that a page like this one makes: the browser may hold anything. */
    isStep(at, { key, side, to, merge }) {
      const item = this.items[at];
      if (!item || !/^[yndmgs]$/.test(key) || (key !== 's' && review.whyNot(item, key))) return false;
      const isName = (name) => this.names.has(name) || /^new:./.test(name);
      if (key === 'g') return Array.isArray(merge) && merge.length === 2 && merge.every(isName);
      const sides = review.sidesOf(item);
      return !/[ndm]/.test(key) || ((!sides.length || sides.includes(side)) && (key !== 'm' || isName(to)));
    }

    /** Read what the browser has kept of this set and these findings. */
    restore() {
      try {
        this.resume(JSON.parse(this.storage?.getItem(this.key) ?? 'null') ?? { base: [], steps: [] });
      } catch {
        this.resume({ base: [], steps: [] }); // damaged, or of another version of the page
        this.lost = 1;
      }
    }

    /** Go on from what was kept. */
    resume(kept) {
      const base = kept.base.filter(([at, step]) => this.isStep(at, step));
      // corrections.csv may hold what these very steps came to: then they can still be undone
      const inFile = this.data.own.map((one) => JSON.stringify(one.cells)).sort().join();
      for (const from of [new Map(base), this.adopted]) {
        this.base = from;
        this.steps = [];
        this.lost = 0;
        this.replay(kept.steps);
        if (this.allLines().map((cells) => JSON.stringify(cells)).sort().join() === inFile) return;
      }
    }

    /** Keep all steps in the browser, soon: many keys, one writing. */
    keep() {
      this.keeping ??= setTimeout(() => this.keepNow(), 0);
    }

    keepNow() {
      clearTimeout(this.keeping);
      this.keeping = undefined;
      try {
        this.storage?.setItem(this.key, JSON.stringify({ base: [...this.base], steps: this.steps }));
      } catch {
        this.isKept = false; // no room, or not allowed
      }
    }

    /** Return what has settled a finding that nobody has decided about; undefined if nothing has. */
    settledBy(at) {
      if (this.decided.has(at)) return undefined;
      if (!this.settled.has(at)) this.settled.set(at, this.rules.settledBy(this.items[at], this.crops));
      return this.settled.get(at);
    }

    /** Return whether a finding waits for somebody. */
    isOpen(at) {
      return !this.decided.has(at) && this.settledBy(at) === undefined;
    }

    /** Return the next finding that waits, of some, after one of them: those that were skipped come last; -1 for none. */
    nextOpen(from, numbers) {
      const start = numbers.findIndex((at) => at > from);
      const cut = start < 0 ? numbers.length : start;
      const open = [...numbers.slice(cut), ...numbers.slice(0, cut)].filter((at) => at !== from && this.isOpen(at));
      return open.find((at) => !this.skipped.has(at)) ?? -1;
    }

    /** Return all lines: those that stay, as they were, then those of the decisions, each once. */
    allLines() {
      const seen = new Set();
      const cells = this.own.map((one) => one.cells);
      for (const one of this.stays) for (const line of one.meant) seen.add(textOf(line));
      for (let at = 0; at < this.items.length; at += 1) {
        for (const line of this.lines.get(at) ?? []) {
          if (seen.has(textOf(line))) continue;
          seen.add(textOf(line));
          cells.push(review.cellsOf(line, this.items[at]));
        }
      }
      return cells;
    }
  };

  /** Say where a decision comes from. */
  review.sayBy = (by) => (typeof by === 'number' ? `#${by + 1}` : `${by[0].toUpperCase()}${by.slice(1)} of corrections.csv`);
}
