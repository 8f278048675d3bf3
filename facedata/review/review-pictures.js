// Crops on the page: a big one with its names, and a person's others.
{
  const review = facedata.review;
  const { el, name, count } = facedata;

  /** Sheets that are in the page become blobs: one each, in place of megabytes of text in every tile's style. */
  review.openSheets = (described) => {
    const files = described.files.map((file) => {
      if (!file.startsWith('data:')) return file;
      const [head, text] = file.split(',');
      return URL.createObjectURL(new Blob([fromBase64(text)], { type: head.slice(5).split(';')[0] }));
    });
    return new facedata.Sheets({ ...described, files });
  };

  review.Pictures = class {
    constructor(data) {
      Object.assign(this, { data, crops: data.crops, sheets: review.openSheets(data.sheets) });
    }

    splitOf(tile) {
      const split = this.crops.split[tile];
      return split < 0 ? '' : this.data.splits[split];
    }

    personOf(tile) {
      return this.data.people[this.crops.person[tile]];
    }

    /** Make a picture with its photo, person and split below; a button where it can be chosen. */
    big(tile, { side, number, isChosen, choose, mark, px, keys }) {
      const photo = this.crops.photo[tile];
      const picture = this.sheets.tile(tile, px, `crop of ${photo}`);
      const split = this.splitOf(tile);
      return el('figure', { class: `big${isChosen && choose ? ' chosen' : ''}`, data: { side } },
        picture,
        el('figcaption', {},
          el('strong', {}, name(this.personOf(tile))),
          split ? el('span', { class: 'badge', text: split }) : null,
          mark ? el('span', { class: 'badge suspect', text: mark }) : null,
          el('span', { class: 'path' }, name(photo)),
          choose ? el('button', {
            type: 'button', class: 'choose', 'aria-pressed': String(isChosen), on: { click: choose },
          }, el('kbd', { text: String(number) }), isChosen ? `chosen for ${keys}` : 'choose this one') : null));
    }

    /** Make a person's photos, with how many there are. */
    group({ person, tiles, more }, { other, px }) {
      const who = this.data.people[person];
      const total = tiles.length + more;
      const list = el('ul', { class: 'tiles', 'aria-label': `photos of ${who}` },
        ...tiles.map((tile) => {
          const split = this.splitOf(tile);
          const label = `${this.crops.photo[tile]}${split ? `, ${split}` : ''}`;
          const picture = this.sheets.tile(tile, px, label);
          picture.title = label;
          return el('li', {}, picture);
        }));
      const splits = [...new Set(tiles.map((tile) => this.splitOf(tile)).filter(Boolean))];
      return el('div', { class: 'group' },
        el('h3', {}, name(who), el('span', { class: 'quiet', text: `${count(total)} ${other}${total === 1 ? 'photo' : 'photos'}` }),
          ...splits.map((split) => el('span', { class: 'badge', text: split }))),
        list,
        more ? el('p', { class: 'quiet', text: `and ${count(more)} more` }) : null);
    }
  };
}
