// Browsers start no worker on a page that is opened from disk. Search needs one: there its script runs in a hidden
// frame instead. (Zensical would load such a shim from another site; by this file's name it knows that one is here.)
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      document.body.append(this.frame);
      const inner = this.frame.contentWindow;
      inner.postMessage = (data) => {
        const copy = structuredClone(data); // as between a page and a worker
        setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data: copy })));
      };
      this.loaded = new Promise((resolve) => {
        const script = inner.document.createElement("script");
        script.src = url;
        script.onload = resolve;
        script.onerror = () => this.dispatchEvent(new ErrorEvent("error"));
        inner.document.body.append(script);
      });
      for (const name of ["message", "error", "messageerror"]) {
        this.addEventListener(name, (event) => this[`on${name}`]?.(event));
      }
    }

    postMessage(data) {
      const inner = this.frame.contentWindow;
      const copy = structuredClone(data);
      this.loaded.then(() => inner.dispatchEvent(new inner.MessageEvent("message", { data: copy })));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
