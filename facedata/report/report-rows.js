'use strict';
// A list of any length: only the rows that are seen are in the document.

/** How long a row has been still before its pictures are asked for: not while it flies by. */
const REST_MS = 80;
/** Rows above and below what is seen. */
const SPARE_ROWS = 3;
/** Browsers draw no element that is much taller; of longer lists the scroll bar goes faster. */
const MOST_PX = 15e6;
const PRINTED = matchMedia('print');

facedata.Rows = class {
  /**
   * Rows of one height, each of `perRow` items, in an element that scrolls.
   * box: what scrolls. list: holds the rows; its place is anywhere in the box.
   * draw(first, last): a row of some items; what takes the focus has `data-item`.
   * fill(row, first, last): its pictures, later.
   * measure(row): called with the first row when the size has changed; may set `perRow`.
   */
  constructor({ box, list, draw, fill, measure }) {
    Object.assign(this, { box, list, draw, fill, measure, perRow: 1, count: 0, current: 0, height: 0 });
    this.rows = new Map();
    box.addEventListener('scroll', () => this.render(), { passive: true });
    list.addEventListener('keydown', (event) => this.move(event));
    list.addEventListener('focusin', (event) => {
      const item = event.target.closest('[data-item]');
      if (item) this.current = Number(item.dataset.item);
    });
    new ResizeObserver(() => this.resize()).observe(box);
  }

  /** Show other items, from the first. */
  show(count) {
    this.count = count;
    this.current = 0;
    this.box.scrollTop = 0;
    this.forget();
    this.render();
  }

  /** Make an item seen, and focus it. */
  focus(item) {
    this.current = Math.max(0, Math.min(item, this.count - 1));
    this.reveal(Math.floor(this.current / this.perRow));
    this.render();
    const element = this.elementOf(this.current);
    if (!element) return;
    element.focus({ preventScroll: true });
    // the row is seen in the box, and now the box in the window
    element.scrollIntoView({ block: 'nearest', behavior: 'instant' });
  }

  elementOf(item) {
    return this.rows.get(Math.floor(item / this.perRow))?.element.querySelector(`[data-item="${item}"]`);
  }

  get rowCount() {
    return Math.ceil(this.count / this.perRow);
  }

  resize() {
    if (PRINTED.matches) return;
    const width = this.box.clientWidth;
    if (width === this.width) return this.render();
    this.width = width;
    const had = this.list.contains(document.activeElement);
    const first = this.firstSeen * this.perRow;
    this.forget();
    this.render();
    if (had) this.focus(this.current);
    else if (first) this.reveal(Math.floor(first / this.perRow), true);
    this.render();
  }

  forget() {
    for (const index of [...this.rows.keys()]) this.drop(index);
    this.height = 0;
  }

  drop(index) {
    const { element, timer } = this.rows.get(index);
    clearTimeout(timer);
    element.remove();
    this.rows.delete(index);
  }

  make(index, before) {
    const first = index * this.perRow;
    const last = Math.min(first + this.perRow, this.count);
    const element = this.draw(first, last);
    this.list.insertBefore(element, before);
    const timer = setTimeout(() => this.fill(element, first, last), REST_MS);
    this.rows.set(index, { element, timer });
    return element;
  }

  /** Learn how tall a row is, and how many items it takes, from a row. */
  learn() {
    const row = this.make(0, null);
    this.height = row.offsetHeight;
    this.measure(row);
    this.drop(0);
  }

  /** Where the list is: its distance from the top of the box, heights, and how the scroll bar's way is stretched. */
  place() {
    const view = this.box.clientHeight;
    const full = this.rowCount * this.height;
    const tall = Math.min(full, MOST_PX);
    const lead =
      this.list.getBoundingClientRect().top -
      this.box.getBoundingClientRect().top -
      this.box.clientTop +
      this.box.scrollTop;
    return { view, tall, lead, stretch: full > tall ? (full - view) / (tall - view) : 1 };
  }

  render() {
    if (!this.box.clientHeight || PRINTED.matches) return; // it is hidden, or has all its rows on paper
    if (!this.height && this.count) this.learn();
    const { view, tall, lead, stretch } = this.place();
    const scrolled = this.box.scrollTop - lead;
    const from = scrolled * stretch;
    const firstRow = Math.max(0, Math.floor(Math.max(from, 0) / (this.height || 1)) - SPARE_ROWS);
    const lastRow = Math.min(this.rowCount, Math.ceil((from + view) / (this.height || 1)) + SPARE_ROWS);
    this.list.style.height = `${tall}px`;
    // a row that has the focus stays, or the keyboard would lose its place
    let after = null;
    for (const [index, { element }] of [...this.rows]) {
      if (index >= firstRow && index < lastRow) continue;
      if (!element.contains(document.activeElement)) this.drop(index);
      else if (index >= lastRow) after = element;
    }
    for (let index = lastRow - 1; index >= firstRow; index--)
      after = this.rows.get(index)?.element ?? this.make(index, after);
    for (const [index, { element }] of this.rows)
      element.style.transform = `translateY(${index * this.height - from + scrolled}px)`;
    this.firstSeen = Math.min(Math.max(0, Math.floor(from / (this.height || 1) + 0.5)), Math.max(this.rowCount - 1, 0));
    this.lastSeen = Math.max(
      this.firstSeen,
      Math.min(this.rowCount, Math.floor((from + view) / (this.height || 1))) - 1,
    );
    this.letOneBeTabbed();
  }

  /** The list is one stop of the Tab key: the item that had the focus, or one that is seen. */
  letOneBeTabbed() {
    const row = Math.min(Math.max(Math.floor(this.current / this.perRow), this.firstSeen), this.lastSeen);
    const item = row === Math.floor(this.current / this.perRow) ? this.current : row * this.perRow;
    for (const one of this.list.querySelectorAll('[data-item]'))
      one.tabIndex = Number(one.dataset.item) === item ? 0 : -1;
  }

  /** Scroll no further than it takes to see a row whole; or until it is the first. */
  reveal(index, asFirst = false) {
    if (!this.height) this.render();
    const { view, lead, stretch } = this.place();
    const top = index * this.height;
    const from = (this.box.scrollTop - lead) * stretch;
    const wanted = asFirst || top < from ? top : Math.max(from, top + this.height - view);
    if (wanted !== from) this.box.scrollTop = wanted / stretch + lead;
  }

  move(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !event.target.closest('[data-item]')) return;
    const page = this.perRow * Math.max(1, this.lastSeen - this.firstSeen);
    const steps = {
      ArrowDown: this.perRow,
      ArrowUp: -this.perRow,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (this.perRow > 1) Object.assign(steps, { ArrowRight: 1, ArrowLeft: -1 });
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.focus(this.current + step);
  }
};
