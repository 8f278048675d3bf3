'use strict';
// What all pages share: elements, the page's data, and telling when it is ready.
const facedata = {};

/** Make an element. Attributes as HTML names them; `text` is its text, `on` its listeners; false and null leave out. */
facedata.el = (name, about = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(about)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'text') element.textContent = value;
    else if (key === 'on') for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    else if (key === 'data') Object.assign(element.dataset, value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

/** A name of somebody or something: isolated, so that right-to-left letters do not turn what is around them. */
facedata.name = (text) => facedata.el('bdi', { text });

/** Unpack the page's data: what page.py was given, as plain values. */
facedata.readData = async () => {
  const packed = document.getElementById('data').textContent;
  const bytes = fromBase64(packed);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return JSON.parse(await new Response(stream).text());
};

/** Return packed numbers as a typed array. */
facedata.column = ({ kind, bytes }) => {
  const types = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, f4: Float32Array };
  const raw = fromBase64(bytes);
  const Type = types[kind];
  return new Type(raw.buffer, 0, raw.byteLength / Type.BYTES_PER_ELEMENT);
};

const fromBase64 = (text) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
  return bytes;
};

/** A number with thousands separated, as everywhere in the output of the commands. */
facedata.count = (number) => number.toLocaleString('en-US');

/** Say something to a screen reader, without moving the focus. */
facedata.say = (text) => {
  let region = document.getElementById('said');
  if (!region) {
    region = facedata.el('div', { id: 'said', class: 'unseen', role: 'status', 'aria-live': 'polite' });
    document.body.append(region);
  }
  region.textContent = text;
};

/** Tell tests and benchmarks that the page answers now. */
facedata.ready = () => {
  document.documentElement.dataset.ready = 'yes';
  performance.mark('facedata-ready');
};

/** Mix up an array in place, with a generator that a seed decides: the same seed, the same order. */
facedata.random = (seed) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
};
