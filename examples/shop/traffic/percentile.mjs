// Percentiles of what was measured, by nearest rank: p of n sorted values is the value at place ceil(p × n).
export function percentile(sorted, p) {
  if (sorted.length === 0) return null
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]
}

// Keeps at most `kept` values; of more it keeps a fair sample (reservoir, Vitter's algorithm R).
export class Latencies {
  #values = []
  count = 0
  max = 0

  constructor(kept = 200_000, random = Math.random) {
    this.kept = kept
    this.random = random
  }

  add(value) {
    this.count += 1
    this.max = Math.max(this.max, value)
    if (this.#values.length < this.kept) this.#values.push(value)
    else {
      const place = Math.floor(this.random() * this.count)
      if (place < this.kept) this.#values[place] = value
    }
  }

  summary() {
    const sorted = Float64Array.from(this.#values).sort()
    const round = (value) => (value === null ? null : Math.round(value * 100) / 100)
    return {
      p50: round(percentile(sorted, 0.5)),
      p95: round(percentile(sorted, 0.95)),
      p99: round(percentile(sorted, 0.99)),
      max: this.count === 0 ? null : round(this.max),
    }
  }
}
