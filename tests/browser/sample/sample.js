'use strict';
// Shows all thumbnails at once, and keeps the page's data for the tests.
facedata.readData().then((data) => {
  facedata.given = data;
  if (data.sheets) {
    const sheets = new facedata.Sheets(data.sheets);
    for (let at = 0; at < sheets.count; at += 1) {
      document.getElementById('tiles').append(sheets.tile(at, 32, `thumbnail ${at}`));
    }
  }
  facedata.ready();
});
