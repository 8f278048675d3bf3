// What is decided goes to the server: the latest state as a whole, one request at a time, again until it is taken.
{
  const review = facedata.review;
  const WAITS_MS = [500, 1000, 2000, 5000, 10000];

  review.Saving = class {
    /** `show(text, isTrouble)` tells the user how it stands. */
    constructor(store, show) {
      Object.assign(this, { store, show, known: store.data.known, isDirty: false, isSending: false, tries: 0 });
      this.stopped = '';
      this.waiters = [];
      show('saved', false);
      addEventListener('beforeunload', (event) => {
        if (this.isDirty || this.isSending) event.preventDefault();
      });
    }

    /** Something has changed. */
    touch() {
      this.isDirty = true;
      this.send();
    }

    async send() {
      if (this.isSending || !this.isDirty || this.stopped) return;
      Object.assign(this, { isSending: true, isDirty: false });
      this.show('saving …', false);
      const [status, answer] = await this.post('decisions', { known: this.known, lines: this.store.allLines() });
      this.isSending = false;
      if (status === 200) {
        Object.assign(this, { known: answer.known, tries: 0 });
        if (this.isDirty) return void this.send();
        this.show('saved', false);
      } else {
        this.isDirty = true;
        this.fail(status, answer.why);
      }
      this.waiters.splice(0).forEach((resolve) => resolve());
    }

    fail(status, why) {
      if (status === 409 || status === 400) {
        this.stopped = why;
        this.show(`not saved: ${why}`, true);
        return;
      }
      const wait = WAITS_MS[Math.min(this.tries, WAITS_MS.length - 1)];
      this.tries += 1;
      this.show(`not saved, trying again: ${why}`, true);
      setTimeout(() => this.send(), wait);
    }

    /** Send a request; return its status, 0 where nobody answers, and its answer. */
    async post(path, value) {
      try {
        const answer = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
        return [answer.status, await answer.json()];
      } catch {
        return [0, { why: 'the server does not answer; is `facedata review` still running?' }];
      }
    }

    /** Save what is left, and stop the server; return whether that is done. */
    async finish() {
      if (this.isDirty) this.send();
      if (this.isSending) await new Promise((resolve) => { this.waiters.push(resolve); });
      if (this.isDirty) return false;
      const [status] = await this.post('done', {});
      return status === 200;
    }
  };
}
