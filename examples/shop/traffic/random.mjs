// Random numbers from a seed (mulberry32), so that a run can be repeated.
export function makeRandom(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return {
    next,
    below: (n) => Math.floor(next() * n),
    pick: (list) => list[Math.floor(next() * list.length)],
    // One key of {key: weight}.
    weighted(weights) {
      const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
      let draw = next() * total
      for (const [key, weight] of Object.entries(weights)) {
        draw -= weight
        if (draw < 0) return key
      }
      return Object.keys(weights).at(-1)
    },
    // Waiting times of independent visitors.
    exponential: (mean) => -Math.log(1 - next()) * mean,
  }
}
