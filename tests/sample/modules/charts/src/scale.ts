/** Maps a range of values to a range of pixels. */
export interface Scale {
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  (value: number): number;
}

export function linear(domain: readonly [number, number], range: readonly [number, number], count: number = 5): Scale {
  const step = niceStep((domain[1] - domain[0]) / count);
  const low = Math.floor(domain[0] / step) * step;
  const high = Math.max(Math.ceil(domain[1] / step) * step, low + step);
  const slope = (range[1] - range[0]) / (high - low);
  const ticks: number[] = [];
  for (let index = 0; low + index * step <= high; index += 1) {
    ticks.push(low + index * step);
  }
  return Object.assign((value: number) => range[0] + (value - low) * slope, {
    domain: [low, high] as const,
    ticks,
  });
}

/** The next of 1, 2, 5, 10, 20, 50, … that is not smaller: people read such axes best. */
function niceStep(least: number): number {
  if (!(least > 0)) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= least) ?? 10;
  return factor * power;
}
