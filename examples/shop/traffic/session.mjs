// What a visitor does: a walk over the shop's pages.  Pure: given random numbers it answers steps, and never talks to anybody.
//
// A step is {kind, method, path, form?, expect}, where expect lists the statuses that are right.  Steps of kind `fail` ask
// for a failure, and are counted apart when they get it.
export const kProducts = 40
const kStepsMax = 25
const kWords = ['glass', 'tea', 'lamp', 'brass', 'wool', 'garden', 'knife', 'quiet', 'rain', 'copper', 'linen', 'stool', 'map', 'oak zebra']
const kCategories = ['desk', 'kitchen', 'garden', 'outdoors']
const kFailStatuses = [500, 502, 503, 418]

// Where a visitor goes from each page, in parts.
const kWays = {
  start: { home: 60, search: 20, product: 20 },
  home: { category: 30, product: 40, search: 22, leave: 6, missing: 1, slow: 0.7, fail: 0.3 },
  category: { product: 75, home: 10, search: 10, leave: 5 },
  search: { product: 70, search: 15, home: 10, leave: 5 },
  product: { add: 35, product: 35, category: 15, search: 8, leave: 5.5, missing: 0.5, slow: 0.6, fail: 0.4 },
  add: { cart: 100 },
  cart: { checkout: 45, product: 40, home: 10, leave: 5 },
  checkout: { order: 100 },
  order: { leave: 70, home: 30 },
  missing: { home: 70, leave: 30 },
  slow: { home: 60, leave: 40 },
  fail: { home: 60, leave: 40 },
}

export const kUserAgents = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (compatible; examplebot/1.0; +https://example.com/bot)',
]

// Beginnings are popular, ends are not: about half of all visits go to a fifth of the products.
const someProduct = (random) => 1 + Math.floor(kProducts * random.next() ** 1.9)
const uuid = (random) => 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () => random.below(16).toString(16))

const kSteps = {
  home: () => ({ method: 'GET', path: '/', expect: [200] }),
  category: (random) => ({ method: 'GET', path: `/?category=${random.pick(kCategories)}`, expect: [200] }),
  search: (random) => ({ method: 'GET', path: `/search?q=${encodeURIComponent(random.pick(kWords))}`, expect: [200] }),
  product: (random) => ({ method: 'GET', path: `/product/${someProduct(random)}`, expect: [200] }),
  add: (random, session) => ({
    method: 'POST', path: '/cart', form: { id: session.lastProduct, quantity: 1 + random.below(3) }, expect: [303],
  }),
  cart: () => ({ method: 'GET', path: '/cart', expect: [200] }),
  // 409: somebody else bought the last one.
  checkout: (random, session) => ({ method: 'POST', path: '/checkout', form: { key: (session.key = uuid(random)) }, expect: [303, 409] }),
  order: (random, session) => ({ method: 'GET', path: `/order/${session.key}`, expect: [200] }),
  missing: (random) => ({ method: 'GET', path: `/sale/${random.below(1000)}`, expect: [404] }),
  slow: (random) => ({ method: 'GET', path: `/slow?ms=${200 + random.below(800)}`, expect: [200] }),
  fail: (random) => {
    const status = random.pick(kFailStatuses)
    return { method: 'GET', path: `/fail?status=${status}`, expect: [status] }
  },
}

export function makeSession(random) {
  return { userAgent: random.pick(kUserAgents), at: 'start', steps: 0, lastProduct: null, key: null }
}

// The next step of a session, or null when the visitor leaves.  `previous` is the status of the step before.
export function nextStep(session, random, previous) {
  if (session.steps >= kStepsMax) return null
  // An order that was refused has no page of its own.
  const kind = session.at === 'checkout' && previous !== 303 ? 'cart' : random.weighted(kWays[session.at])
  if (kind === 'leave') return null
  session.at = kind
  session.steps += 1
  const step = { kind, ...kSteps[kind](random, session) }
  if (kind === 'product') session.lastProduct = Number(step.path.split('/').at(-1))
  return step
}
