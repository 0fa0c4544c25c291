// One colour per service, the same on every page and after every reload: a hash of the name picks it, the edge has its own.
// The values are the custom properties --series-1 … --series-10, which differ between dark and light.

export const seriesCount = 10;

export function seriesIndex(name: string): number {
  if (name === "edge") return 1;
  let hash = 2166136261;
  for (let i = 0; i < name.length; ++i) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
  hash ^= hash >>> 15;
  return 2 + ((hash >>> 0) % (seriesCount - 1));
}

export function serviceColor(name: string): string {
  return `var(--series-${seriesIndex(name)})`;
}

// Within one page no two services share a colour while there are enough of them.
export function distinctIndexes(names: readonly string[]): Map<string, number> {
  const out = new Map<string, number>();
  const used = new Set<number>();
  for (const name of [...names].sort()) {
    let index = seriesIndex(name);
    for (let tries = 0; tries < seriesCount && used.has(index); ++tries) index = (index % seriesCount) + 1;
    used.add(index);
    out.set(name, index);
  }
  return out;
}
