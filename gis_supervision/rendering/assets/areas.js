// Areas and lines on one canvas: filled or drawn by class, outlined, or as the ground below.

const HATCH = "#b3ab98";
const GROUND = { fillColor: "#faf8f3", color: "#d0c9b9", weight: 0.9 };

/** What is drawn on a tile of 6 by 6 pixels. */
const PATTERNS = {
  hatch: (brush) => strokes(brush, 1, (shift) => [shift, 6, shift + 6, 0]),
  lines: (brush) => strokes(brush, 1.3, (shift) => [shift, 0, shift + 6, 6]),
  cross: (brush) => {
    strokes(brush, 1, (shift) => [shift, 6, shift + 6, 0]);
    strokes(brush, 1, (shift) => [shift, 0, shift + 6, 6]);
  },
  dots: (brush) => {
    for (const [x, y] of [[1.5, 1.5], [4.5, 4.5]]) {
      brush.beginPath();
      brush.arc(x, y, 0.95, 0, 2 * Math.PI);
      brush.fill();
    }
  },
};

function strokes(brush, width, line) {
  brush.lineWidth = width;
  brush.beginPath();
  for (const shift of [-6, 0, 6]) {
    const [x, y, toX, toY] = line(shift);
    brush.moveTo(x, y);
    brush.lineTo(toX, toY);
  }
  brush.stroke();
}

/** Leaflet's canvas with one thing more: areas without data are hatched, classes have patterns. */
const HatchCanvas = L.Canvas.extend({
  _fillStroke(context, layer) {
    const { options } = layer;
    L.Canvas.prototype._fillStroke.call(this, context, layer);
    if (!options.pattern || !options.fill) return;
    context.save();
    context.globalAlpha = options.patternOpacity;
    context.fillStyle = this.pattern(context, options.pattern, options.ink);
    context.fill(options.fillRule || "evenodd");
    context.restore();
  },

  pattern(context, kind, ink) {
    this.patterns = this.patterns || new Map();
    const key = `${kind}${ink}`;
    if (!this.patterns.has(key)) {
      const tile = document.createElement("canvas");
      tile.width = 6;
      tile.height = 6;
      const brush = tile.getContext("2d");
      brush.strokeStyle = ink;
      brush.fillStyle = ink;
      PATTERNS[kind](brush);
      this.patterns.set(key, context.createPattern(tile, "repeat"));
    }
    return this.patterns.get(key);
  },
});

/** How wide a text is, roughly, in pixels: Chinese characters are square. */
function textWidth(text) {
  let width = 0;
  for (const character of text) width += character.charCodeAt(0) > 0x2e7f ? 12 : 6.6;
  return width;
}

/** The polygons of a layer on a map, and their labels. */
class AreaShapes {
  constructor(map, layer, renderer, open, basemap) {
    this.map = map;
    this.layer = layer;
    this.open = open;
    this.basemap = basemap;
    this.pass = new Uint8Array(layer.count).fill(1);
    this.group = L.featureGroup();
    this.labels = L.layerGroup();
    this.shapes = layer.areas.map((area, i) => this.shape(area, i, renderer));
    this.group.on("click", (event) => {
      this.group.closeTooltip();
      this.openAt(event.sourceTarget.feature, event.latlng);
    });
    if (layer.draw !== "ground") {
      this.group.bindTooltip((shape) => this.hint(shape.feature), { sticky: true, direction: "top" });
    }
  }

  shape(area, i, renderer) {
    if (!area.outline) return null;
    const corners = this.layer.line ? area.outline.map((part) => part[0]) : area.outline;
    const made = L[this.layer.line ? "polyline" : "polygon"](corners, {
      renderer,
      smoothFactor: 0.6,
      interactive: this.layer.draw === "classes",
      bubblingMouseEvents: false,
    });
    made.feature = i;
    return made;
  }

  look(i) {
    const { layer } = this;
    if (layer.draw === "ground") return { ...GROUND, fillOpacity: this.basemap ? 0 : 1 };
    if (layer.draw === "outline") return { fill: false, color: "#34495e", weight: 1.6, opacity: 0.85 };
    if (layer.styles.length === 0) {
      const plain = { color: "#5b8fa8", weight: layer.line ? 3 : 0.8, fill: !layer.line };
      return { ...plain, fillColor: "#5b8fa8", fillOpacity: 0.12 };
    }
    const { classes, ofFeature } = classified(layer);
    const entry = classes[ofFeature[i]];
    if (layer.line) return { fill: false, color: entry.color, weight: 4, opacity: 0.85 };
    return {
      fill: true,
      fillColor: entry.color,
      fillOpacity: this.basemap ? 0.7 : 0.92,
      pattern: entry.hatch ? "hatch" : entry.pattern,
      ink: entry.hatch ? HATCH : inkOn(entry.color),
      patternOpacity: entry.hatch ? 0.9 : 0.75,
      color: "#5d5a52",
      weight: 0.6,
      opacity: 0.45,
    };
  }

  update(pass) {
    this.pass = pass;
    this.shapes.forEach((shape, i) => {
      if (!shape) return;
      if (pass[i]) {
        shape.setStyle(this.look(i));
        this.group.addLayer(shape);
      } else {
        this.group.removeLayer(shape);
      }
    });
  }

  setVisible(visible) {
    if (visible) this.group.addTo(this.map);
    else {
      this.group.remove();
      this.labels.clearLayers();
    }
  }

  /** Where a feature is and what it is called, for a label; null for none. */
  label(i) {
    const { layer } = this;
    if (layer.label.length === 0 || !this.pass[i] || !layer.areas[i].label) return null;
    const lines = layer.label
      .map((name) => layer.columns[name][i])
      .filter((value) => value !== null)
      .map((value) => String(value));
    return lines.length > 0 ? { at: layer.areas[i].label, lines } : null;
  }

  hint(i) {
    const { layer } = this;
    const name = layer.popup.find((one) => layer.attributes[one].type === "text" && one !== layer.key);
    const box = element("div", {});
    const title = layer.label.length > 0 ? layer.label[0] : name;
    if (title) box.append(element("strong", {}, valueText(layer.attributes[title], layer.columns[title][i])));
    if (layer.styles.length > 0) {
      const style = layer.styles[layer.style];
      const attribute = layer.attributes[style.attribute];
      box.append(element("div", {}, `${pick(style.title)}: ${valueText(attribute, layer.columns[style.attribute][i])}`));
    }
    return box;
  }

  openAt(i, latlng) {
    this.open(latlng, () => popupContent(this.layer, [i]));
  }

  focus(i) {
    const shape = this.shapes[i];
    if (!shape) return false;
    this.map.fitBounds(shape.getBounds(), { padding: [60, 60], maxZoom: 15, animate: false });
    this.openAt(i, L.latLng(this.layer.areas[i].label));
    return true;
  }
}

/** The lines of a label and the places for it that are tried, one after the other. */
function labelForms(at, lines) {
  const forms = [];
  for (const some of lines.length > 1 ? [lines, lines.slice(0, 1)] : [lines]) {
    const width = Math.max(...some.map(textWidth)) + 10;
    const height = 15 * some.length + 2;
    for (const shift of [0, -24, 24, -44, 44]) {
      const y = at.y + shift;
      forms.push({
        lines: some,
        width,
        height,
        shift,
        box: [at.x - width / 2, y - height / 2, at.x + width / 2, y + height / 2],
      });
    }
  }
  return forms;
}

function overlap(a, b) {
  return a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];
}

/** Draw the labels that have room, upper layers first, clear of the boxes that are taken. */
function drawLabels(map, areas, taken) {
  const size = map.getSize();
  for (const one of [...areas].reverse()) {
    one.labels.clearLayers();
    if (one.layer.label.length === 0 || !map.hasLayer(one.group)) continue;
    one.labels.addTo(map);
    for (let i = 0; i < one.layer.count; i += 1) {
      const label = one.label(i);
      if (!label) continue;
      const at = map.latLngToContainerPoint(label.at);
      if (at.x < 0 || at.y < 0 || at.x > size.x || at.y > size.y) continue;
      const bounds = one.shapes[i].getBounds();
      const low = map.latLngToContainerPoint(bounds.getSouthWest());
      const high = map.latLngToContainerPoint(bounds.getNorthEast());
      const fits = (form) => form.width * 0.8 <= high.x - low.x
        && form.box[1] >= high.y - 8 && form.box[3] <= low.y + 8
        && !taken.some((box) => overlap(form.box, box));
      const form = labelForms(at, label.lines).find(fits);
      if (!form) continue;
      taken.push(form.box);
      const drawn = element("div", {}, ...form.lines.map((line, n) => element("span", { class: n === 0 ? "first" : "next" }, line)));
      const marker = L.marker(label.at, {
        icon: L.divIcon({
          html: drawn,
          className: `area-label ${one.layer.draw}`,
          iconSize: [form.width, form.height],
          iconAnchor: [form.width / 2, form.height / 2 - form.shift],
        }),
        interactive: one.layer.draw === "outline",
        keyboard: false,
        pane: "labels",
      });
      if (one.layer.draw === "outline") marker.on("click", () => one.openAt(i, L.latLng(label.at)));
      one.labels.addLayer(marker);
    }
  }
}
