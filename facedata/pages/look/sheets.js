// Thumbnails: pieces of sheets, each shown as the background of an element, and loaded when it is first shown.

/** What sheets.py describes: `tile_px`, `columns`, `tiles` (a sheet), `count`, `files`. */
facedata.Sheets = class {
  constructor(described) {
    Object.assign(this, described);
  }

  /** Show thumbnail number `at` in an element, `side` CSS pixels wide. */
  show(element, at, side) {
    const sheet = Math.floor(at / this.tiles);
    const within = at % this.tiles;
    const inSheet = Math.min(this.tiles, this.count - sheet * this.tiles);
    const columns = Math.min(this.columns, inSheet);
    const rows = Math.ceil(inSheet / this.columns);
    const style = element.style;
    style.width = style.height = `${side}px`;
    style.backgroundImage = `url("${this.files[sheet]}")`;
    style.backgroundSize = `${columns * side}px ${rows * side}px`;
    style.backgroundPosition = `${-(within % this.columns) * side}px ${-Math.floor(within / this.columns) * side}px`;
  }

  /** Make a thumbnail that says what it shows. */
  tile(at, side, label) {
    const element = facedata.el('span', { class: 'tile', role: 'img', 'aria-label': label });
    this.show(element, at, side);
    return element;
  }
};
