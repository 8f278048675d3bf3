// Keys, buttons, and the start. A key changes the state at once; the page is drawn before the next frame.
{
  const review = facedata.review;
  const { el, name, count } = facedata;
  const byId = (id) => document.getElementById(id);

  /** Return the browser's storage; null where it keeps nothing. */
  const openStorage = (isServed) => {
    try {
      const storage = isServed ? sessionStorage : localStorage; // of a server each session has its own file
      storage.setItem('facedata-review', '');
      storage.removeItem('facedata-review');
      return storage;
    } catch {
      return null;
    }
  };

  const KEYS = new Set([...'yndmgsu?12', 'ArrowLeft', 'ArrowRight']);

  /** The letter of a key, also where the keyboard writes another script. */
  const keyOf = ({ key, code }) => {
    if (/^[a-z]$/i.test(key)) return key.toLowerCase();
    return /^Key[A-Z]$/.test(code) && !/^[ -~]$/.test(key) ? code.slice(3).toLowerCase() : key;
  };

  const isTyping = ({ target }) => Boolean(target.closest?.('input, select, textarea, [contenteditable]'));

  review.Page = class {
    constructor(data) {
      this.data = data;
      this.store = new review.Store(data, openStorage(data.served));
      this.view = new review.View(this.store, new review.Pictures(data));
      this.people = new review.PersonDialog(this.store.names);
      this.merges = new review.MergeDialog(this.store.names);
      this.saving = data.served ? new review.Saving(this.store, (...how) => this.showSaving(...how)) : null;
      this.numbers = this.store.items.map((_, at) => at);
      this.at = this.store.nextOpen(-1, this.numbers);
      this.begin();
      this.listen();
      this.kinds();
      this.notes();
      this.show();
      if (this.saving && this.store.steps.length) this.saving.touch(); // what a reload brought back
    }

    listen() {
      document.addEventListener('keydown', (event) => this.press(event));
      document.addEventListener('click', (event) => {
        const button = event.target.closest('[data-key]');
        if (button) this.run(button.dataset.key);
      });
      const kinds = byId('kinds');
      let isPointed = false;
      kinds.addEventListener('pointerdown', () => { isPointed = true; });
      kinds.addEventListener('keydown', (event) => {
        isPointed = false;
        if (event.key === 'Enter') byId('finding').focus();
      });
      kinds.addEventListener('change', () => {
        this.filter(kinds.value);
        // letters choose a kind as long as the list has the focus, which a mouse does not want
        if (isPointed) byId('finding').focus({ preventScroll: true });
      });
      byId('download').addEventListener('click', () => this.download());
      byId('help-close').addEventListener('click', () => byId('help').close());
      byId('done')?.addEventListener('click', () => this.finish());
      addEventListener('pagehide', () => this.store.keepNow());
      addEventListener('storage', (event) => {
        if (event.key !== this.store.key) return;
        this.store.restore(); // the same review in another tab
        this.show();
      });
    }

    press(event) {
      if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event) || document.querySelector('dialog[open]')) return;
      const key = keyOf(event);
      if (this.isOver || !KEYS.has(key)) return;
      event.preventDefault();
      // a key that is held down decides once
      if (!event.repeat || key.startsWith('Arrow')) this.run(key);
    }

    /** Do what a key or its button says. */
    run(key) {
      const item = this.store.items[this.at];
      if (key === '?') return byId('help').showModal();
      if (key === 'u') return this.undo();
      if (key === 'ArrowLeft' || key === 'ArrowRight') return this.step(key === 'ArrowLeft' ? -1 : 1);
      if (!item) return undefined;
      if (key === '1' || key === '2') return this.choose(key === '1' ? 'left' : 'right');
      const why = review.whyNot(item, key);
      if (why) return this.show({ text: why });
      if (key === 'm') {
        const { photo, person } = review.photoOf(item, this.side, this.store.crops, this.store.names);
        const likely = [item.to_identity, ...(item.merge ?? [])].filter((one) => one && one !== person && this.store.names.has(one));
        return this.people.ask(photo, likely, (to) => this.decide({ key, side: this.side, to }));
      }
      if (key === 'g') return this.merges.ask(item.merge, (merge) => this.decide({ key, merge }));
      return this.decide(key === 'n' || key === 'd' ? { key, side: this.side } : { key });
    }

    /** Decide about the finding that is shown, and go to the next that waits. */
    decide(step) {
      const { at } = this;
      const refused = this.store.decide(at, step);
      if (refused) return this.show({ text: `Not done: ${refused.text}`, by: refused.by });
      this.said = step.key === 's' ? `#${at + 1} skipped.` : `#${at + 1}: ${this.view.stateOf(at)}`;
      this.at = this.store.nextOpen(at, this.numbers);
      this.changed();
      return this.begin(true);
    }

    undo() {
      const at = this.store.undo();
      if (at === undefined) return this.show({ text: 'Nothing is left to undo here; with ← a decision can be changed.' });
      this.said = `#${at + 1} undone.`;
      this.go(at);
      return this.changed();
    }

    /** Look at the finding before or after, of those that are shown. */
    step(by) {
      const { numbers } = this;
      const place = this.at < 0 ? numbers.length : numbers.indexOf(this.at);
      const next = numbers[place + by];
      if (next === undefined) return this.show({ text: by < 0 ? 'This is the first.' : 'This is the last.' });
      return this.go(next);
    }

    go(at) {
      if (!this.numbers.includes(at)) this.filter(''); // it is of another kind
      this.at = at;
      this.begin(true);
    }

    /** Begin with a finding: the photo that is meant is the one that the check means. */
    begin(isDrawn = false) {
      const item = this.store.items[this.at];
      const step = this.store.decided.get(this.at);
      this.side = step?.side ?? item?.side ?? 'left';
      if (isDrawn) this.show();
    }

    choose(side) {
      const item = this.store.items[this.at];
      if (item.shape !== 'pair') return this.show({ text: 'There are not two photos to choose from.' });
      this.side = side;
      this.said = `${this.store.crops.photo[item[side]]} is meant.`;
      return this.show();
    }

    /** Show findings of one kind, or of all: ''. */
    filter(kind) {
      byId('kinds').value = kind;
      this.numbers = this.store.items.flatMap((item, at) => (!kind || item.kind === kind ? [at] : []));
      if (!this.numbers.includes(this.at)) this.at = this.store.nextOpen(-1, this.numbers);
      this.begin(true);
    }

    changed() {
      this.saving?.touch();
      if (!this.store.isKept) this.notes();
    }

    show(refused = null) {
      const again = () => {
        const [first] = this.numbers.filter((at) => this.store.skipped.has(at) && this.store.isOpen(at));
        if (first !== undefined) this.go(first);
      };
      this.view.show({
        at: this.at, numbers: this.numbers, side: this.side, refused, said: this.said,
        go: (at) => this.go(at), choose: (side) => this.choose(side), again,
      });
      this.said = '';
    }

    kinds() {
      const counts = new Map();
      for (const { kind } of this.store.items) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      byId('kinds').replaceChildren(
        el('option', { value: '', text: `all kinds (${count(this.store.items.length)})` }),
        ...[...counts].map(([kind, many]) => el('option', { value: kind, text: `${review.sayKind(kind)} (${count(many)})` })));
      byId('tools').hidden = !this.store.items.length;
    }

    /** Say what the user should know before they begin. */
    notes() {
      const { data, store } = this;
      const wrong = data.own.filter((one) => one.problem);
      const others = Object.entries(data.others).map(([kind, many]) => `${count(many)} ${review.sayKind(kind)}`);
      const warnings = [
        store.isKept ? '' : 'This browser keeps nothing for this page: download corrections.csv before you close it.',
        store.lost ? `${count(store.lost)} of the decisions kept in this browser ${store.lost === 1 ? 'does' : 'do'} not fit this page, and ${store.lost === 1 ? 'is' : 'are'} left out.` : '',
        ...wrong.map((one) => `Line ${one.line} of corrections.csv will be refused by facedata fix: ${one.problem}.`),
      ];
      const facts = [
        others.length ? `Not here, since no correction mends them: ${others.join(', ')}.` : '',
        data.beyond ? `${count(data.beyond)} more findings come when these are fixed and the set is checked again.` : '',
        data.notes ? `${count(data.notes)} ${data.notes === 1 ? 'note is' : 'notes are'} left out; facedata review --notes shows them.` : '',
      ].filter(Boolean);
      byId('notes').replaceChildren(
        ...warnings.filter(Boolean).map((text) => el('p', { class: 'note' }, name(text))),
        ...(facts.length ? [el('p', { class: 'quiet', text: facts.join(' ') })] : []));
    }

    download() {
      const url = URL.createObjectURL(new Blob([review.csv()], { type: 'text/csv' }));
      el('a', { href: url, download: 'corrections.csv' }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
      facedata.say(`corrections.csv, ${count(this.store.allLines().length)} lines`);
    }

    showSaving(text, isTrouble) {
      byId('saving').textContent = text;
      byId('saving').className = isTrouble ? 'badge error trouble' : 'quiet';
    }

    async finish() {
      byId('done').disabled = true;
      const isDone = await this.saving.finish();
      byId('done').disabled = false;
      if (!isDone) return;
      this.saving.stopped = 'done';
      this.isOver = true;
      const many = count(this.store.allLines().length);
      for (const id of ['tools', 'answers', 'decisions', 'done']) byId(id).hidden = true;
      byId('finding-head').textContent = 'Done';
      byId('finding-body').replaceChildren(
        el('p', { role: 'status' }, `${many} lines are in `, name(this.data.file), '. The server has stopped; you may close this page.'),
        ...this.view.endBody(0).slice(-1));
      byId('finding').focus();
    }
  };

  /** What was decided, for tests and benchmarks: the number of each finding, the key, and the lines. */
  review.decisions = () => {
    const { store } = review.page;
    return [...store.decided].map(([at, step]) => ({ finding: store.items[at].finding, key: step.key, lines: store.lines.get(at) }));
  };

  /** corrections.csv as it is now. */
  review.csv = () => review.renderCsv(review.page.store.allLines());

  facedata.readData().then((data) => {
    review.page = new review.Page(data);
    facedata.ready();
  });
}
