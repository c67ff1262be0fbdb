// Points: features at one place make a site, sites near each other a cluster.

const CLUSTER_RADIUS = 66;
const CLUSTER_MAX_ZOOM = 16;

/** Group the features that pass by place, with counts by class and the oldest age. */
function sitesOf(layer, pass) {
  const { classes, ofFeature } = classified(layer);
  const { lng, lat, site } = layer.points;
  const width = classes.length;
  const counts = new Uint32Array(lng.length * width);
  const ages = layer.age ? layer.columns[layer.age] : null;
  const oldest = new Int32Array(lng.length).fill(-1);
  const age = new Float64Array(lng.length);
  const members = new Array(lng.length);
  for (let i = 0; i < layer.count; i += 1) {
    const at = site[i];
    if (!pass[i] || at < 0) continue;
    counts[at * width + ofFeature[i]] += 1;
    if (ages) {
      age[at] += ages[i];
      if (ages[i] > oldest[at]) oldest[at] = ages[i];
    }
    (members[at] = members[at] || []).push(i);
  }
  const places = [];
  for (let at = 0; at < lng.length; at += 1) {
    if (!members[at]) continue;
    places.push({
      type: "Feature",
      geometry: { type: "Point", coordinates: [lng[at] / DEGREES, lat[at] / DEGREES] },
      properties: {
        site: at,
        n: members[at].length,
        counts: Array.from(counts.subarray(at * width, (at + 1) * width)),
        oldest: oldest[at],
        age: age[at],
      },
    });
  }
  return { places, members };
}

function clusterIndex(places, minZoom) {
  const index = new Supercluster({
    radius: CLUSTER_RADIUS,
    extent: 256,
    minZoom,
    maxZoom: CLUSTER_MAX_ZOOM,
    map: (own) => ({ n: own.n, counts: own.counts.slice(), oldest: own.oldest, age: own.age }),
    reduce: (sum, own) => {
      sum.n += own.n;
      sum.age += own.age;
      sum.oldest = Math.max(sum.oldest, own.oldest);
      // a new array: supercluster copies what was summed so far without copying what is in it
      sum.counts = sum.counts.map((count, i) => count + own.counts[i]);
    },
  });
  return index.load(places);
}

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A ring of the classes' shares around the number of features. */
function ring(own, classes, radius) {
  const size = 2 * radius;
  const stroke = Math.max(5, radius * 0.26);
  const inner = radius - stroke / 2 - 1;
  const around = 2 * Math.PI * inner;
  const drawn = svg("svg", { width: size, height: size, viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" });
  drawn.append(svg("circle", { cx: radius, cy: radius, r: radius - 0.5, class: "ring-ground" }));
  let start = 0;
  own.counts.forEach((count, i) => {
    if (count === 0) return;
    const length = (around * count) / own.n;
    drawn.append(svg("circle", {
      cx: radius,
      cy: radius,
      r: inner,
      fill: "none",
      stroke: classes[i].color,
      "stroke-width": stroke,
      "stroke-dasharray": `${Math.max(length, 1.5)} ${around}`,
      "stroke-dashoffset": -start,
      transform: `rotate(-90 ${radius} ${radius})`,
    }));
    start += length;
  });
  const tall = own.oldest >= 0 && radius >= 21;
  const number = svg("text", { x: radius, y: tall ? radius - 1 : radius + 4, class: "ring-number" });
  number.textContent = shortNumeral(own.n);
  drawn.append(number);
  if (tall) {
    const age = svg("text", { x: radius, y: radius + 11, class: "ring-age" });
    age.textContent = ageText(own.age / own.n);
    drawn.append(age);
  }
  return drawn;
}

function clusterRadius(n) {
  return Math.min(34, 14 + 4.2 * Math.log10(n));
}

/** One place: a disc in the colour of its worst class, with the number of features. */
function disc(own, { classes, rank }) {
  const first = own.counts.map((_, i) => i).filter((i) => own.counts[i] > 0)
    .reduce((best, i) => (rank(i) < rank(best) ? i : best));
  const radius = own.n > 99 ? 12 : own.n > 1 ? 10 : 7;
  const size = 2 * radius;
  const drawn = svg("svg", { width: size, height: size, viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" });
  drawn.append(svg("circle", { cx: radius, cy: radius, r: radius - 1, fill: classes[first].color, class: "disc" }));
  if (own.n > 1) {
    const number = svg("text", { x: radius, y: radius + 3.5, class: "disc-number", fill: inkOn(classes[first].color) });
    number.textContent = own.n > 999 ? "999+" : own.n;
    drawn.append(number);
  }
  return [drawn, radius];
}

/** What a cluster or site holds, in words. */
function mixText(layer, own) {
  const sorted = classified(layer);
  const parts = own.counts
    .map((count, i) => [count, sorted.classes[i]])
    .filter(([count]) => count > 0)
    .map(([count, entry]) => `${classTitle(sorted, entry)} ${numeral(count)}`);
  const age = own.oldest < 0 ? ""
    : ` · ${say("mean age {0}, oldest {1}", ageText(own.age / own.n), ageText(own.oldest))}`;
  return `${pick(layer.title)} ${numeral(own.n)}: ${parts.join(", ")}${age}`;
}

/** The markers of a layer of points on a map. */
class PointMarkers {
  constructor(map, layer, open) {
    this.map = map;
    this.layer = layer;
    this.open = open;
    this.shown = new Map();
    this.minZoom = Math.max(0, Math.floor(map.getZoom()) - 2);
    this.group = L.layerGroup();
    this.redraw = this.redraw.bind(this);
  }

  update(pass) {
    const { places, members } = sitesOf(this.layer, pass);
    this.members = members;
    this.index = clusterIndex(places, this.minZoom);
    this.clear();
    if (this.map.hasLayer(this.group)) this.redraw();
  }

  clear() {
    this.group.clearLayers();
    this.shown.clear();
  }

  setVisible(visible) {
    if (visible === this.map.hasLayer(this.group)) return;
    if (visible) {
      this.group.addTo(this.map);
      this.map.on("moveend", this.redraw);
      this.redraw();
    } else {
      this.map.off("moveend", this.redraw);
      this.group.remove();
    }
  }

  redraw() {
    if (!this.index) return;
    const seen = this.map.getBounds().pad(0.15);
    const zoom = Math.floor(this.map.getZoom());
    const box = [seen.getWest(), Math.max(-89, seen.getSouth()), seen.getEast(), Math.min(89, seen.getNorth())];
    const wanted = new Map(this.index.getClusters(box, zoom).map(
      (found) => [found.properties.cluster ? `c${found.id}` : `s${found.properties.site}`, found],
    ));
    for (const [key, marker] of this.shown) {
      if (!wanted.has(key)) {
        this.group.removeLayer(marker);
        this.shown.delete(key);
      }
    }
    for (const [key, found] of wanted) {
      if (!this.shown.has(key)) {
        const marker = this.marker(found);
        this.shown.set(key, marker);
        this.group.addLayer(marker);
      }
    }
  }

  marker(found) {
    const [lng, lat] = found.geometry.coordinates;
    const own = found.properties;
    const sorted = classified(this.layer);
    let radius;
    let drawn;
    if (own.cluster) {
      radius = Math.round(clusterRadius(own.n));
      drawn = ring(own, sorted.classes, radius);
    } else {
      [drawn, radius] = disc(own, sorted);
    }
    const text = mixText(this.layer, own);
    const marker = L.marker([lat, lng], {
      icon: L.divIcon({
        html: drawn,
        className: own.cluster ? "cluster" : "site",
        iconSize: [2 * radius, 2 * radius],
        iconAnchor: [radius, radius],
      }),
      title: text,
      alt: text,
      zIndexOffset: own.cluster ? Math.round(own.n) : 0,
      riseOnHover: true,
    });
    const act = () => {
      if (own.cluster) {
        const zoom = Math.min(this.index.getClusterExpansionZoom(found.id), CLUSTER_MAX_ZOOM + 1);
        this.map.setView([lat, lng], zoom);
      } else {
        this.openSite(own.site);
      }
    };
    marker.on("click", act);
    marker.on("keypress", (event) => { if (event.originalEvent.key === "Enter") act(); });
    marker.on("add", () => marker.getElement().setAttribute("aria-label", text));
    return marker;
  }

  /** Where markers lie on the screen, for labels to keep clear of. */
  boxes() {
    if (!this.map.hasLayer(this.group)) return [];
    return [...this.shown.values()].map((marker) => {
      const at = this.map.latLngToContainerPoint(marker.getLatLng());
      const radius = marker.options.icon.options.iconSize[0] / 2 - 2;
      return [at.x - radius, at.y - radius, at.x + radius, at.y + radius];
    });
  }

  /** Open the popup of a place, a feature of it first. */
  openSite(site, feature = null) {
    const { lng, lat } = this.layer.points;
    const { ofFeature, rank } = classified(this.layer);
    const by = this.layer.group ? this.layer.columns[this.layer.group.by] : null;
    const features = (this.members[site] || [feature]).slice();
    const worst = new Map();
    if (by) {
      for (const i of features) {
        worst.set(by[i], Math.min(worst.get(by[i]) ?? Infinity, rank(ofFeature[i])));
      }
    }
    if (feature !== null && !features.includes(feature)) features.unshift(feature);
    // what was asked for stands first, then the worst
    const asked = (i) => (feature === null || i === feature ? 0 : by && by[i] === by[feature] ? 1 : 2);
    features.sort((a, b) => {
      if (asked(a) !== asked(b)) return asked(a) - asked(b);
      if (by && by[a] !== by[b]) {
        return worst.get(by[a]) - worst.get(by[b]) || (by[a] < by[b] ? -1 : 1);
      }
      return rank(ofFeature[a]) - rank(ofFeature[b]) || a - b;
    });
    this.open([lat[site] / DEGREES, lng[site] / DEGREES], () => popupContent(this.layer, features));
  }

  /** Go to a feature and open its popup; false where it has no place. */
  focus(feature) {
    const site = this.layer.points.site[feature];
    if (site < 0) return false;
    const { lng, lat } = this.layer.points;
    this.map.setView([lat[site] / DEGREES, lng[site] / DEGREES], CLUSTER_MAX_ZOOM + 1, { animate: false });
    this.openSite(site, feature);
    return true;
  }
}
