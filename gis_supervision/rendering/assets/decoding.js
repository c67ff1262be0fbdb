"use strict";
// Features come as columns of small integers; here they become arrays again.

const DEGREES = 1e6;

function sums(differences) {
  const values = new Int32Array(differences.length);
  let value = 0;
  for (let i = 0; i < differences.length; i += 1) {
    value += differences[i];
    values[i] = value;
  }
  return values;
}

/** Whole numbers, given as they are or as differences (then none is missing). */
function integers(values, delta) {
  if (!delta) return values;
  let value = 0;
  return values.map((difference) => (value += difference));
}

/** The values of one attribute for all features; dates are days since 1970-01-01. */
function decodeColumn(packed, attribute, count) {
  if ("v" in packed) return new Array(count).fill(packed.v);
  if ("d" in packed) return integers(packed.i, packed.delta).map((place) => packed.d[place]);
  const whole = integers(packed.n, packed.delta);
  if (packed.s) {
    const scale = 10 ** packed.s;
    return whole.map((value) => (value === null ? null : value / scale));
  }
  if (attribute.type === "boolean") {
    return whole.map((value) => (value === null ? null : value === 1));
  }
  return whole;
}

/** Distinct places, and the place of each feature (-1: not located). */
function decodePoints(packed, count) {
  const site = "v" in packed.site ? new Array(count).fill(packed.site.v)
    : integers(packed.site.n, packed.site.delta);
  return { lng: sums(packed.lng), lat: sums(packed.lat), site };
}

/** Outlines as Leaflet takes them: for each feature its parts, their rings, [lat, lng] corners. */
function decodeAreas(packed) {
  if (!packed.x) return packed.parts.map(() => ({ outline: null, label: null }));
  const x = sums(packed.x);
  const y = sums(packed.y);
  let corner = 0;
  let ring = 0;
  let part = 0;
  let drawn = 0;
  return packed.parts.map((parts) => {
    if (parts === 0) return { outline: null, label: null };
    const outline = [];
    for (let p = 0; p < parts; p += 1, part += 1) {
      const rings = [];
      for (let r = 0; r < packed.rings[part]; r += 1, ring += 1) {
        const corners = new Array(packed.corners[ring]);
        for (let c = 0; c < corners.length; c += 1, corner += 1) {
          corners[c] = [y[corner] / DEGREES, x[corner] / DEGREES];
        }
        rings.push(corners);
      }
      outline.push(rings);
    }
    const label = [packed.label[2 * drawn + 1] / DEGREES, packed.label[2 * drawn] / DEGREES];
    drawn += 1;
    return { outline, label };
  });
}

function decodeLayer(spec) {
  const columns = {};
  for (const [name, packed] of Object.entries(spec.columns)) {
    columns[name] = decodeColumn(packed, spec.attributes[name], spec.count);
  }
  return {
    ...spec,
    columns,
    ...decodeSteps(spec),
    points: spec.points ? decodePoints(spec.points, spec.count) : null,
    areas: spec.areas || spec.lines ? decodeAreas(spec.areas || spec.lines) : null,
    line: Boolean(spec.lines),
    style: 0,
  };
}
