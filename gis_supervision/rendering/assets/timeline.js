// Steps in time: layers whose values change from step to step, and the slider that leads through.

const PLAY_MS = 900;
const LEAP = 12;

/** What a layer of steps holds beside any layer: values of all steps, and who is there when. */
function decodeSteps(spec) {
  if (!spec.days) return {};
  const series = {};
  for (const [name, packed] of Object.entries(spec.series)) {
    series[name] = decodeColumn(packed, spec.attributes[name], spec.count * spec.days.length);
  }
  let there = null;
  if (spec.present) {
    there = new Uint8Array(spec.count * spec.days.length);
    let at = 0;
    spec.present.forEach((length, run) => {
      if (run % 2 === 1) there.fill(1, at, at + length);
      at += length;
    });
  }
  return { series, there };
}

/** The values of an attribute in all steps, so that classes and choices stay the same. */
function allValues(layer, name) {
  return (layer.series && layer.series[name]) || layer.columns[name];
}

/** Whether a feature exists in the step that is shown. */
function isThere(layer, i) {
  return !layer.present || layer.present[i] === 1;
}

/** Put the values of a day into the columns of a layer; a day it does not know has no features. */
function showStep(layer, day) {
  const { count } = layer;
  const step = layer.days.indexOf(day);
  for (const [name, values] of Object.entries(layer.series)) {
    layer.columns[name] = step < 0 ? new Array(count).fill(null)
      : values.slice(step * count, (step + 1) * count);
  }
  layer.columns[layer.time] = new Array(count).fill(day);
  if (step < 0) layer.present = new Uint8Array(count);
  else layer.present = layer.there ? layer.there.subarray(step * count, (step + 1) * count) : null;
  layer.classified = [];
}

/** A day that ends a step: its month where it is the month's last day. */
function stepText(day) {
  const date = isoDate(day);
  if (isoDate(day + 1).slice(8) !== "01") return date;
  return wording.language === "zh_CN" ? `${date.slice(0, 4)}年${Number(date.slice(5, 7))}月` : date.slice(0, 7);
}

/** The bar under the map: play, one step back or on, the slider, and the step that is shown. */
class Timeline {
  constructor(report) {
    this.report = report;
    this.layer = report.layers.find((layer) => layer.days);
    this.timer = null;
    this.bar = element("div", { class: "timeline", id: "timeline", role: "group" });
    document.getElementById("stage").append(this.bar);
    document.getElementById("stage").classList.add("timed");
    for (const name of ["tick", "pause"]) this[name] = this[name].bind(this);
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.pause(); });
    this.build();
  }

  get last() {
    return this.report.times.length - 1;
  }

  build() {
    const button = (id, text, act) => element("button", { type: "button", class: "quiet", id, onclick: act }, text);
    this.playing = button("time-play", "▶", () => (this.timer ? this.pause() : this.play()));
    this.previous = button("time-previous", "‹", () => this.go(this.report.at - 1));
    this.next = button("time-next", "›", () => this.go(this.report.at + 1));
    this.slider = element("input", {
      type: "range",
      id: "time",
      min: 0,
      max: this.last,
      step: 1,
      oninput: () => this.go(Number(this.slider.value)),
      onkeydown: (event) => this.key(event),
    });
    this.now = element("output", { id: "time-now", for: "time", role: "status" });
    this.first = element("span");
    this.until = element("span");
    this.bar.append(this.playing, this.previous, this.next,
      element("div", { class: "track" }, this.slider, element("div", { class: "ends" }, this.first, this.until)), this.now);
    this.relabel();
  }

  /** The arrows, Home and End are the slider's own; a leap is a year of months. */
  key(event) {
    const steps = { PageUp: LEAP, PageDown: -LEAP }[event.key];
    if (steps) this.go(this.report.at + steps);
    else if (event.key === " ") this.playing.click();
    else return;
    event.preventDefault();
  }

  go(index, byItself = false) {
    if (!byItself) this.pause();
    this.report.step(Math.max(0, Math.min(this.last, index)));
    this.relabel();
  }

  play() {
    this.now.setAttribute("aria-live", "off");
    this.timer = window.setInterval(this.tick, PLAY_MS);
    if (this.report.at === this.last) this.go(0, true);
    this.relabel();
  }

  tick() {
    this.go(this.report.at + 1, true);
    if (this.report.at === this.last) this.pause();
  }

  pause() {
    if (!this.timer) return;
    window.clearInterval(this.timer);
    this.timer = null;
    this.now.setAttribute("aria-live", "polite");
    this.relabel();
  }

  relabel() {
    const { times, at } = this.report;
    const title = pick(this.layer.attributes[this.layer.time].title);
    this.bar.setAttribute("aria-label", title);
    this.slider.value = String(at);
    this.slider.setAttribute("aria-label", title);
    this.slider.setAttribute("aria-valuetext", stepText(times[at]));
    this.now.replaceChildren(element("span", {}, `${title} `), element("strong", {}, stepText(times[at])));
    this.first.textContent = stepText(times[0]);
    this.until.textContent = stepText(times[this.last]);
    this.playing.textContent = this.timer ? "❚❚" : "▶";
    this.playing.setAttribute("aria-label", this.timer ? say("Pause") : say("Play"));
    this.previous.setAttribute("aria-label", say("Previous step"));
    this.next.setAttribute("aria-label", say("Next step"));
    this.previous.disabled = at === 0;
    this.next.disabled = at === this.last;
  }
}
