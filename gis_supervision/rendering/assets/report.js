// The report: data in, map and panel out, and what happens when readers change something.

class Report {
  constructor(map, data, bounds) {
    this.map = map;
    this.data = data;
    this.bounds = bounds;
    this.layers = data.layers.map((spec) => ({ ...decodeLayer(spec), packed: spec.columns }));
    this.times = [...new Set(this.layers.flatMap((layer) => layer.days || []))].sort((a, b) => a - b);
    this.at = this.times.length - 1;
    for (const layer of this.layers) if (layer.days) showStep(layer, this.times[this.at]);
    this.filters = data.filters.map((filter) => prepareFilter(filter, this.layers));
    this.open = new Map();
    this.sorting = new Map();
    this.pass = new Map();
    this.drawn = new Map();
    for (const name of ["showAll", "resetFilters", "refilter", "redrawLabels"]) {
      this[name] = this[name].bind(this);
    }
  }

  start() {
    const { map } = this;
    map.attributionControl.setPrefix(false);
    L.control.scale({ imperial: false, maxWidth: 140 }).addTo(map);
    map.createPane("labels").style.zIndex = 450;
    const renderer = new HatchCanvas({ padding: 0.3, tolerance: 3 });
    const popup = (latlng, content) => {
      this.content = content;
      this.popup = L.popup({
        maxWidth: 420,
        minWidth: Math.min(350, map.getSize().x - 70),
        autoPanPadding: [30, 30],
      })
        .setLatLng(latlng).setContent(content()).openOn(map);
    };
    if (this.times.length > 0) {
      this.timeline = new Timeline(this);
      map.invalidateSize({ animate: false });
    }
    this.showAll();
    for (const layer of this.layers) {
      if (layer.points) this.drawn.set(layer.name, new PointMarkers(map, layer, popup));
      else if (layer.areas) this.drawn.set(layer.name, new AreaShapes(map, layer, renderer, popup, this.data.basemap));
    }
    this.filter();
    for (const layer of this.layers) if (layer.draw) this.drawn.get(layer.name).setVisible(layer.visible);
    map.on("moveend", this.redrawLabels);
    map.on("popupclose", () => { this.popup = null; });
    // Leaflet focuses the map on every click; its frame is for those who use the keyboard
    const container = map.getContainer();
    container.addEventListener("pointerdown", () => { container.dataset.pointer = ""; });
    document.addEventListener("keydown", () => { delete container.dataset.pointer; });
    window.addEventListener("beforeprint", () => this.printing(true));
    window.addEventListener("afterprint", () => this.printing(false));
    this.speak(this.data.language);
  }

  showAll() {
    this.map.fitBounds(this.bounds, { padding: [16, 16], animate: false });
  }

  /** The part of the report's area that is on the screen. */
  seen() {
    const [[south, west], [north, east]] = this.bounds;
    const view = this.map.getBounds();
    const part = L.latLngBounds(
      [Math.max(south, view.getSouth()), Math.max(west, view.getWest())],
      [Math.min(north, view.getNorth()), Math.min(east, view.getEast())],
    );
    return part.isValid() && view.intersects(this.bounds) ? part : view;
  }

  /** Lay the page out for paper before it is printed, so that the map has its size by then. */
  printing(begins) {
    if (this.timeline) this.timeline.pause();
    const seen = this.seen();
    const view = { center: this.map.getCenter(), zoom: this.map.getZoom() };
    document.documentElement.classList.toggle("printing", begins);
    this.map.invalidateSize({ animate: false });
    if (begins) {
      this.before = view;
      this.map.fitBounds(seen, { animate: false });
    } else if (this.before) {
      this.map.setView(this.before.center, this.before.zoom, { animate: false });
    }
  }

  redrawLabels() {
    const drawn = [...this.drawn.values()];
    const taken = drawn.flatMap((one) => (one instanceof PointMarkers ? one.boxes() : []));
    drawLabels(this.map, drawn.filter((one) => one instanceof AreaShapes), taken);
  }

  /** Let the layers show what passes the filters. */
  filter() {
    for (const layer of this.layers) {
      const pass = passing(layer, this.filters);
      this.pass.set(layer.name, pass);
      const drawn = this.drawn.get(layer.name);
      if (drawn) drawn.update(pass);
    }
  }

  /** Show a step in time; a popup that is open tells of it too. */
  step(index) {
    if (index === this.at) return;
    this.at = index;
    for (const layer of this.layers) if (layer.days) showStep(layer, this.times[index]);
    for (const filter of this.filters) recode(filter);
    this.filter();
    this.stack();
    this.redraw();
    if (this.popup) this.popup.setContent(this.content());
  }

  refilter() {
    const focused = document.activeElement && document.activeElement.dataset;
    const again = focused && focused.filter
      ? `[data-filter="${focused.filter}"]${focused.value === undefined ? "" : `[data-value="${CSS.escape(focused.value)}"]`}` : null;
    this.map.closePopup();
    this.filter();
    this.stack();
    this.redraw();
    const control = again && document.querySelector(again);
    if (control) control.focus();
  }

  resetFilters() {
    for (const filter of this.filters) filter.allowed = filter.choices.map(() => true);
    this.refilter();
  }

  restyle(layer, style) {
    layer.style = style;
    this.drawn.get(layer.name).update(this.pass.get(layer.name));
    this.stack();
    this.redraw();
    document.querySelectorAll(`[name="style-${layer.name}"]`)[style].focus();
  }

  show(layer, visible) {
    const others = visible && layer.switch ? this.layers.filter((one) => one !== layer && one.switch === layer.switch) : [];
    for (const one of others) {
      one.visible = false;
      this.drawn.get(one.name).setVisible(false);
    }
    layer.visible = visible;
    this.drawn.get(layer.name).setVisible(visible);
    this.stack();
    this.redraw();
    document.querySelector(`[data-toggle="${layer.name}"]`).focus();
  }

  /** Areas lie one above the other in the order of the layers. */
  stack() {
    for (const one of this.drawn.values()) {
      if (one instanceof AreaShapes && this.map.hasLayer(one.group)) one.group.bringToFront();
    }
  }

  /** Go to a feature; a feature without a place is shown in a dialogue. */
  focus(layer, feature) {
    const drawn = this.drawn.get(layer.name);
    if (drawn && !layer.visible) this.show(layer, true);
    if (!drawn || !drawn.focus(feature)) showDetails(layer, feature);
    else if (window.matchMedia("(max-width: 800px)").matches) {
      document.getElementById("stage").scrollIntoView({ block: "start" });
    }
  }

  relist() {
    document.getElementById("lists").replaceWith(listsSection(this));
  }

  redraw() {
    const panel = document.getElementById("panel");
    const scrolled = panel.scrollTop;
    panel.replaceChildren(...[
      headSection(this),
      totalsSection(this),
      filterSection(this),
      layerSection(this),
      listsSection(this),
    ].filter(Boolean));
    panel.scrollTop = scrolled;
    this.redrawLabels();
  }

  /** Show everything in a language. */
  speak(language) {
    wording.language = language;
    document.documentElement.lang = language.replace("_", "-");
    document.title = pick(this.data.title);
    if (this.zoom) this.zoom.remove();
    this.zoom = L.control.zoom({ position: "topright", zoomInTitle: say("Zoom in"), zoomOutTitle: say("Zoom out") }).addTo(this.map);
    this.map.getContainer().setAttribute("aria-label", say("Map"));
    if (this.timeline) this.timeline.relabel();
    if (this.popup) this.popup.setContent(this.content());
    for (const one of this.drawn.values()) {
      if (one instanceof PointMarkers) {
        one.clear();
        if (this.map.hasLayer(one.group)) one.redraw();
      }
    }
    this.redraw();
  }
}

function startReport(map, bounds) {
  const loading = document.getElementById("loading");
  const data = JSON.parse(document.getElementById("report-data").textContent);
  wording.texts = data.texts;
  wording.language = data.language;
  try {
    new Report(map, data, bounds).start();
  } catch (error) {
    loading.textContent = say("This browser cannot read the file; use a newer one.");
    throw error;
  }
  loading.remove();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}
