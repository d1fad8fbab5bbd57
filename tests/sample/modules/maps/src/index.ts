/** A place on earth, in degrees. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

interface GeoSdk {
  route(from: Place, to: Place): Promise<{ readonly metres: number }>;
}

const EARTH_RADIUS_METRES = 6_371_000;

/** The distance in metres as the crow flies (haversine). */
export function distance(from: Place, to: Place): number {
  const latitudes = radians(to.latitude - from.latitude);
  const longitudes = radians(to.longitude - from.longitude);
  const half =
    Math.sin(latitudes / 2) ** 2 +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * Math.sin(longitudes / 2) ** 2;
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.sqrt(half));
}

/** The distance by road where the device has the vendor's kit, else as the crow flies. */
export async function drive(from: Place, to: Place): Promise<number> {
  const sdk = await loadSdk();
  return sdk === undefined ? distance(from, to) : (await sdk.route(from, to)).metres;
}

/** Orders stops so that the next one is always the nearest: not the best tour, but a short one. */
export function tour<T>(start: Place, stops: readonly T[], placeOf: (stop: T) => Place): T[] {
  const left = new Set(stops);
  const ordered: T[] = [];
  let here = start;
  while (left.size > 0) {
    const [nearest] = [...left].sort((a, b) => distance(here, placeOf(a)) - distance(here, placeOf(b))) as [T];
    left.delete(nearest);
    ordered.push(nearest);
    here = placeOf(nearest);
  }
  return ordered;
}

async function loadSdk(): Promise<GeoSdk | undefined> {
  try {
    // @ts-ignore: the kit has no types, and most machines do not have the kit.
    return (await import("geo-sdk")) as GeoSdk;
  } catch {
    return undefined;
  }
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
