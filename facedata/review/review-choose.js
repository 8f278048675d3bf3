// The two dialogs: to whom a photo goes, and which of two names stays.
{
  const review = facedata.review;
  const { el, name, count } = facedata;
  const byId = (id) => document.getElementById(id);
  const MOST_SHOWN = 50;

  const photos = (number) => `${count(number)} ${number === 1 ? 'photo' : 'photos'}`;

  /** Chooses a person: a field, and a list of those whose names fit; of 10,000 people in a few milliseconds. */
  review.PersonDialog = class {
    constructor(names) {
      Object.assign(this, { names, dialog: byId('move'), field: byId('who'), list: byId('people'), recent: [] });
      this.field.addEventListener('input', () => this.fill());
      this.field.addEventListener('keydown', (event) => this.press(event));
      this.list.addEventListener('click', (event) => this.take(event.target.closest('li')));
    }

    /** Ask to whom a photo goes; `likely` come first. */
    ask(photo, likely, taken) {
      Object.assign(this, { likely, taken });
      byId('move-photo').replaceChildren(name(photo));
      this.field.value = '';
      this.dialog.showModal();
      this.fill();
      this.field.focus();
    }

    fill() {
      const text = this.field.value;
      const likely = [...this.likely, ...this.recent, ...this.names.people.slice(0, MOST_SHOWN)];
      const some = text.trim() ? this.names.search(text, MOST_SHOWN) : [...new Set(likely)];
      const made = text.trim() ? this.names.typed(text) : '';
      const rows = some.map((person) => this.row(person, photos(this.names.count(person))));
      if (made && !some.includes(made)) {
        const row = this.row(made, review.isNew(made, this.names) ? 'new person' : photos(this.names.count(made)));
        review.isNew(made, this.names) ? rows.push(row) : rows.unshift(row);
      }
      rows.forEach((row, at) => { row.id = `person-${at}`; });
      this.list.replaceChildren(...rows);
      this.mark(rows[0]);
    }

    row(person, about) {
      return el('li', { role: 'option', 'aria-selected': 'false', data: { person } },
        name(review.shown(person, this.names)), el('span', { class: 'quiet', text: about }));
    }

    mark(row) {
      this.marked?.setAttribute('aria-selected', 'false');
      this.marked = row;
      if (!row) return this.field.removeAttribute('aria-activedescendant');
      row.setAttribute('aria-selected', 'true');
      row.scrollIntoView({ block: 'nearest' });
      return this.field.setAttribute('aria-activedescendant', row.id);
    }

    press(event) {
      if (event.isComposing) return; // an input method takes Enter and arrows itself
      const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
      if (step && this.marked) this.mark(this.marked[step] ?? this.marked);
      else if (event.key === 'Enter') this.take(this.marked);
      else if (event.key === 'Escape') this.dialog.close(); // by itself it would only empty the field
      else return;
      event.preventDefault();
    }

    take(row) {
      if (!row) return;
      const { person } = row.dataset;
      this.recent = [person, ...this.recent.filter((other) => other !== person)].slice(0, 8);
      this.dialog.close();
      this.taken(person);
    }
  };

  /** Chooses which of two names stays; the first is proposed. */
  review.MergeDialog = class {
    constructor(names) {
      Object.assign(this, { names, dialog: byId('merge'), place: byId('merges') });
      this.dialog.addEventListener('keydown', (event) => {
        const at = { 1: 0, 2: 1, g: 0 }[event.key];
        if (at === undefined || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        this.place.children[at]?.click();
      });
    }

    /** Ask about a person that goes and one that stays. */
    ask([goes, stays], taken) {
      this.place.replaceChildren(...[[goes, stays], [stays, goes]].map((merge, at) => el('button', {
        type: 'button',
        class: at ? null : 'main',
        on: { click: () => { this.dialog.close(); taken(merge); } },
      }, el('kbd', { text: String(at + 1) }), el('span', {},
        name(review.shown(merge[1], this.names)), ` stays: ${photos(this.names.count(merge[0]))} of `,
        name(review.shown(merge[0], this.names)), ` ${this.names.count(merge[0]) === 1 ? 'joins' : 'join'} ${photos(this.names.count(merge[1]))}`))));
      this.dialog.showModal();
      this.place.firstElementChild.focus();
    }
  };
}
