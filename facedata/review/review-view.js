// A finding on the page, drawn once per frame however many keys came; and what is said of it.
{
  const review = facedata.review;
  const { el, name, count } = facedata;
  const byId = (id) => document.getElementById(id);
  const WORDS = { photo: 'Keep', pair: 'Keep', people: 'Two people' };

  /** Return a kind as words. */
  review.sayKind = (kind) => kind.replaceAll('_', ' ');

  const sayNumber = (value) => (Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(3))));

  review.View = class {
    constructor(store, pictures) {
      Object.assign(this, { store, pictures });
      this.narrow = matchMedia('(max-width: 34rem)');
      this.narrow.addEventListener('change', () => this.show({ ...this.state, said: '' }));
      byId('decisions').addEventListener('toggle', () => this.drawDecisions());
    }

    /** Draw a state before the next frame: `at`, the finding; `side`, the photo that is meant; `refused`. */
    show(state) {
      // what was said of a key that no frame has shown yet is not lost
      this.state = { ...state, said: [this.waiting && this.state.said, state.said].filter(Boolean).join(' ') };
      this.waiting ??= requestAnimationFrame(() => {
        this.waiting = undefined;
        this.draw();
      });
    }

    draw() {
      const { at, numbers, refused } = this.state;
      const done = numbers.filter((one) => !this.store.isOpen(one)).length;
      const skipped = numbers.filter((one) => this.store.skipped.has(one) && this.store.isOpen(one)).length;
      byId('progress-text').textContent =
        `${count(done)} of ${count(numbers.length)} decided${skipped ? `, ${count(skipped)} skipped` : ''}`;
      byId('bar').max = Math.max(numbers.length, 1);
      byId('bar').value = done;
      this.drawRefusal(refused);
      const head = byId('finding-head');
      const body = byId('finding-body');
      const chosen = document.activeElement?.closest('.big')?.dataset.side;
      if (at < 0) {
        head.replaceChildren(this.endHead(skipped));
        body.replaceChildren(...this.endBody(skipped));
      } else {
        const item = this.store.items[at];
        head.replaceChildren(
          el('span', { class: 'number', text: `#${at + 1} of ${count(this.store.items.length)}` }),
          review.sayKind(item.kind), el('span', { class: `badge ${item.severity}`, text: item.severity }));
        body.replaceChildren(...this.about(item, at));
        if (chosen) body.querySelector(`[data-side="${chosen}"] button`)?.focus();
      }
      this.drawButtons(at);
      this.drawDecisions();
      this.say(at);
    }

    /** Say a finding once it is another one, or was decided. */
    say(at) {
      const said = at < 0 ? 'No finding is left.' : this.sayFinding(at);
      const all = [this.state.said, said].filter(Boolean).join(' ');
      if (all !== this.said) facedata.say(all);
      this.said = all;
    }

    sayFinding(at) {
      const item = this.store.items[at];
      return [`#${at + 1}, ${review.sayKind(item.kind)}.`, this.stateOf(at), item.why].filter(Boolean).join(' ');
    }

    /** Return what became of a finding, in words; '' while it is open. */
    stateOf(at) {
      const { store } = this;
      if (store.decided.has(at)) {
        const lines = store.lines.get(at).map((line) => review.sayLine(line, store.names));
        return `Decided: ${lines.join('; ') || 'nothing else to do'}.`;
      }
      const by = store.settledBy(at);
      if (by !== undefined) return `Settled by ${typeof by === 'number' ? `#${by + 1}` : `${by} of corrections.csv`}.`;
      return store.skipped.has(at) ? 'Skipped.' : '';
    }

    about(item, at) {
      const { crops, names } = this.store;
      const state = this.stateOf(at);
      const proposal = review.sayProposal(item, crops, names);
      const measured = item.value === null || item.kind === 'same_bytes' ? ''
        : `measured ${sayNumber(item.value)}${item.threshold === null ? '' : `, threshold ${sayNumber(item.threshold)}`}`;
      return [
        state ? el('p', { class: 'state' }, name(state)) : null,
        el('p', { class: 'why' }, name(item.why)),
        el('p', {},
          proposal ? el('strong', {}, 'Proposed: ', name(proposal)) : el('span', { text: 'Nothing is proposed.' }),
          measured ? el('span', { class: 'measured', text: measured }) : null),
        el('div', { class: 'shown' }, this.bigPictures(item), this.groups(item)),
      ].filter(Boolean);
    }

    bigPictures(item) {
      const sides = review.sidesOf(item);
      if (!sides.length) return null;
      const marked = item.proposal === 'drop' && item.shape === 'pair' ? item.side : '';
      return el('div', { class: 'pictures' }, ...sides.map((side, index) => this.pictures.big(item[side], {
        side,
        number: index + 1,
        isChosen: side === this.state.side,
        choose: sides.length > 1 ? () => this.state.choose(side) : null,
        mark: side === marked ? 'proposed to drop' : '',
        px: this.narrow.matches && sides.length > 1 ? 136 : 224,
        keys: review.isCopy(item) ? 'd, m, n' : 'd, m',
      })));
    }

    groups(item) {
      const most = Math.max(0, ...item.groups.map((group) => group.tiles.length + group.more));
      const px = this.narrow.matches ? 68 : most <= 4 ? 144 : most <= 24 ? 112 : 88;
      return el('div', { class: 'groups' },
        ...item.groups.map((group) => this.pictures.group(group, { other: this.isShown(item, group) ? 'other ' : '', px })));
    }

    /** Return whether a photo of a group's person is among the big ones. */
    isShown(item, group) {
      return review.sidesOf(item).some((side) => this.store.crops.person[item[side]] === group.person);
    }

    endHead(skipped) {
      if (!this.store.items.length) return 'Nothing to decide';
      return skipped ? `${count(skipped)} skipped, all others decided` : 'All decided';
    }

    endBody(skipped) {
      const { data } = this.store;
      const words = (text) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
      const file = data.served ? words(data.file) : 'corrections.csv';
      const command = `facedata fix ${words(data.set)} ${file} --out ${words(`${data.set}-fixed`)}`;
      return [
        skipped ? el('p', {}, el('button', { type: 'button', text: 'Look at what was skipped', on: { click: this.state.again } })) : null,
        this.store.items.length ? el('p', { text: data.served ? 'Press Done; then:' : 'Download corrections.csv; then:' }) : null,
        this.store.items.length ? el('pre', {}, el('code', {}, name(command))) : null,
      ].filter(Boolean);
    }

    drawRefusal(refused) {
      const place = byId('refusal');
      place.hidden = !refused;
      if (refused === this.refused) return;
      this.refused = refused;
      const go = refused && typeof refused.by === 'number' && refused.by !== this.state.at
        ? el('button', { type: 'button', text: `Go to #${refused.by + 1}`, on: { click: () => this.state.go(refused.by) } }) : null;
      place.replaceChildren(...(refused ? [name(refused.text), go].filter(Boolean) : []));
    }

    drawButtons(at) {
      byId('answers').hidden = !this.store.items.length;
      const item = this.store.items[at];
      for (const button of document.querySelectorAll('#answers [data-key]')) {
        const { key } = button.dataset;
        const isOff = 'us?'.includes(key) ? key === 's' && !item : !item || review.whyNot(item, key) !== '';
        button.setAttribute('aria-disabled', String(isOff));
      }
      document.querySelector('[data-word="n"]').textContent = item ? WORDS[item.shape] : 'No';
    }

    /** List the decisions, where somebody looks at them. */
    drawDecisions() {
      const { store } = this;
      const settled = store.items.filter((_, at) => !store.decided.has(at) && !store.isOpen(at)).length;
      const more = settled ? `; ${count(settled)} more settled` : '';
      byId('decisions-head').textContent = `Decisions (${count(store.decided.size)}${more})`;
      if (!byId('decisions').open) return;
      const rows = [...store.decided.keys()].sort((one, other) => one - other).map((at) => el('li', {},
        el('button', { type: 'button', text: `#${at + 1}`, on: { click: () => this.state.go(at) } }),
        el('span', { text: review.sayKind(store.items[at].kind) }),
        ...store.lines.get(at).map((line) => el('span', {}, name(review.sayLine(line, store.names))))));
      byId('decision-list').replaceChildren(...rows);
    }
  };
}
