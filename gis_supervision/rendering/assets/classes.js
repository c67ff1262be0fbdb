// Classes of a style: which features belong to which, in what colour.

const OTHER = "#9a9a9a";
const PLAIN = "#1f6f8b";

/** The classes of a style in the order of the legend; `test` decides by value and row. */
function classesOf(layer, style) {
  const attribute = layer.attributes[style.attribute];
  const classes = style.special.map((look) => ({
    title: look.title,
    color: look.color,
    hatch: look.hatch,
    where: Object.entries(look.where),
  }));
  const special = classes.length;
  const byValue = new Map();
  if (attribute.values.length > 0) {
    for (const known of attribute.values) {
      byValue.set(known.value, classes.length);
      classes.push({ title: known.title, color: known.color, pattern: known.pattern, value: known.value });
    }
  } else if (style.breaks.length > 0) {
    const ends = [null, ...style.breaks, null];
    style.colors.forEach((color, i) => {
      classes.push({ band: [ends[i], ends[i + 1]], color });
    });
  } else {
    const found = [...new Set(allValues(layer, style.attribute))].filter((v) => v !== null).sort();
    found.slice(0, style.colors.length).forEach((value, i) => {
      byValue.set(value, classes.length);
      classes.push({ title: value, color: style.colors[i], value });
    });
  }
  let missing = -1;
  if (style.noData) {
    missing = classes.length;
    classes.push({ title: style.noData.title, color: style.noData.color, hatch: style.noData.hatch });
  }
  return { attribute, classes, special, byValue, missing };
}

/** The class of every feature; the legend gets one class more where a value fits none. */
function classify(layer, style) {
  const { attribute, classes, special, byValue, missing } = classesOf(layer, style);
  const values = layer.columns[style.attribute];
  let other = -1;
  const rest = () => {
    if (other < 0) {
      other = classes.length;
      classes.push({ title: null, color: OTHER });
    }
    return other;
  };
  const ofFeature = new Uint8Array(layer.count);
  for (let i = 0; i < layer.count; i += 1) {
    if (!isThere(layer, i)) continue;
    const value = values[i];
    let found = -1;
    if (value === null && missing >= 0) {
      found = missing;
      for (let s = 0; s < special; s += 1) {
        if (classes[s].where.every(([name, wanted]) => layer.columns[name][i] === wanted)) found = s;
      }
    } else if (value === null) {
      found = rest();
    } else {
      for (let s = 0; s < special && found < 0; s += 1) {
        if (classes[s].where.every(([name, wanted]) => layer.columns[name][i] === wanted)) found = s;
      }
      if (found < 0 && byValue.has(value)) found = byValue.get(value);
      if (found < 0 && byValue.size === 0) {
        let band = 0;
        while (band < style.breaks.length && value >= style.breaks[band]) band += 1;
        found = special + band;
      }
      if (found < 0) found = rest();
    }
    ofFeature[i] = found;
  }
  // declared values stand worst first, bands lowest first: which class speaks for several
  const rank = (i) => (classes[i].band ? -i : i);
  return { attribute, classes, ofFeature, rank };
}

/** Black or white, whichever can be read on a colour (relative luminance of WCAG 2). */
function inkOn(color) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.3 ? "#22303c" : "#ffffff";
}

function classTitle(classified, entry) {
  if (entry.band) return bandText(classified.attribute, entry.band[0], entry.band[1]);
  return entry.title === null ? say("Other") : pick(entry.title);
}

/** Classify a layer by its chosen style, once; a layer without a style is one class. */
function classified(layer) {
  layer.classified = layer.classified || [];
  if (layer.styles.length === 0) {
    return { classes: [{ title: layer.title, color: PLAIN }], ofFeature: new Uint8Array(layer.count), rank: (i) => i };
  }
  if (!layer.classified[layer.style]) {
    layer.classified[layer.style] = classify(layer, layer.styles[layer.style]);
  }
  return layer.classified[layer.style];
}

/** A patch of a class's colour and pattern for legends. */
function swatch(entry, shape = "area") {
  const made = element("span", { class: `swatch ${shape}${entry.hatch ? " hatch" : ""}${entry.pattern ? ` ${entry.pattern}` : ""}` });
  made.style.backgroundColor = entry.color;
  if (entry.pattern) made.style.setProperty("--pattern", inkOn(entry.color));
  return made;
}
