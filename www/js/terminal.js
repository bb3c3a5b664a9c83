// The one file that knows xterm.js: bytes in, bytes out, and the page's own colours and font.
// xterm.js itself is loaded when the first terminal is opened; what is written before that waits.

let parts;
const load = () =>
  (parts ??= Promise.all([import("../vendor/xterm.mjs"), import("../vendor/addon-fit.mjs")]));

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const theme = () => ({
  background: colour("--term"),
  foreground: colour("--term-ink"),
  cursor: colour("--term-ink"),
  cursorAccent: colour("--term"),
  selectionBackground: colour("--term-selection"),
  black: colour("--term-black"),
  red: colour("--term-red"),
  green: colour("--term-green"),
  yellow: colour("--term-yellow"),
  blue: colour("--term-blue"),
  magenta: colour("--term-magenta"),
  cyan: colour("--term-cyan"),
  white: colour("--term-ink"),
  brightBlack: colour("--term-soft"),
  brightRed: colour("--term-red"),
  brightGreen: colour("--term-green"),
  brightYellow: colour("--term-yellow"),
  brightBlue: colour("--term-blue"),
  brightMagenta: colour("--term-magenta"),
  brightCyan: colour("--term-cyan"),
  brightWhite: colour("--term-bright"),
});

export class Terminal {
  constructor(host, label, screenReader, onData, onSize) {
    this.waiting = [];
    this.reader = screenReader;
    load().then(([xterm, fit]) => this.open(xterm, fit, host, label, onData, onSize));
  }

  open({ Terminal: Xterm }, { FitAddon }, host, label, onData, onSize) {
    if (this.gone) return;
    const style = getComputedStyle(host);
    const term = new Xterm({
      theme: theme(),
      fontFamily: style.fontFamily,
      fontSize: parseFloat(style.fontSize),
      lineHeight: 1.25,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      scrollback: 5000,
      screenReaderMode: this.reader,
      macOptionIsMeta: true,
      minimumContrastRatio: 4.5,
    });
    const fit = new FitAddon();
    term.loadAddon(fit);
    term.open(host);
    term.textarea?.setAttribute("aria-label", label);
    const encoder = new TextEncoder();
    term.onData((text) => onData(encoder.encode(text)));
    term.onBinary((text) => onData(Uint8Array.from(text, (c) => c.charCodeAt(0))));
    term.onResize(({ cols, rows }) => onSize(cols, rows));
    term.attachCustomKeyEventHandler((event) => this.key(event));
    this.term = term;
    // A hidden terminal has no size and keeps the one it had.
    const refit = () => host.offsetWidth > 0 && host.offsetHeight > 0 && fit.fit();
    this.observer = new ResizeObserver(() => requestAnimationFrame(refit));
    this.observer.observe(host);
    refit();
    onSize(term.cols, term.rows);
    for (const bytes of this.waiting) term.write(bytes);
    this.waiting = [];
    if (this.wantsFocus) term.focus();
  }

  // Copy and paste with Ctrl+Shift; everything else belongs to the shell.
  key(event) {
    if (event.ctrlKey && event.shiftKey && event.code === "KeyC") {
      if (event.type === "keydown" && this.term.hasSelection()) {
        navigator.clipboard?.writeText(this.term.getSelection()).catch(() => {});
      }
      event.preventDefault();
      return false;
    }
    return !(event.ctrlKey && event.shiftKey && event.code === "KeyV");
  }

  // The bytes are a window into the page's memory, so they are copied before anything waits.
  write(bytes) {
    if (this.term) this.term.write(bytes.slice());
    else this.waiting.push(bytes.slice());
  }

  reset() {
    this.waiting = [];
    this.term?.reset();
  }

  focus() {
    this.wantsFocus = true;
    this.term?.focus();
  }

  theme() {
    if (this.term) this.term.options.theme = theme();
  }

  screenReader(on) {
    this.reader = on;
    if (this.term) this.term.options.screenReaderMode = on;
  }

  dispose() {
    this.gone = true;
    this.observer?.disconnect();
    this.term?.dispose();
  }
}
