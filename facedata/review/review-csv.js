// Lines as the bytes of corrections.csv: the same as `render_lines` in Python, letter by letter.
{
  const COLUMNS = ['action', 'photo', 'identity', 'to_identity', 'note'];
  // what a spreadsheet would run or rewrite: formulas, numbers that lose zeros or digits, dates, truth values
  const REWRITTEN = new RegExp(
    '^(?:[=+\\-@\\t\\r].*|0\\p{Nd}+|\\p{Nd}{16,}|\\p{Nd}+[.,:/\\- ][\\p{Nd}.,:/\\- ]*' +
    '|\\p{Nd}+(?:[.,]\\p{Nd}+)?e[+\\-]?\\p{Nd}+|true|false)$',
    'isu',
  );
  const QUOTED = /[,;|"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

  const protect = (text) => (REWRITTEN.test(text.replace(/^'+/, '')) ? `'${text}` : text);
  const quote = (cell) => (QUOTED.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

  /** Return a file's text, with the byte-order mark by which Excel knows it; a line is five cells. */
  facedata.review.renderCsv = (lines) =>
    '\ufeff' + [COLUMNS, ...lines.map((line) => line.map(protect))]
      .map((cells) => `${cells.map(quote).join(',')}\n`).join('');
}
