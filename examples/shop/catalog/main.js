'use strict'
// The catalog: products, stock and orders, in PostgreSQL.  An inner service; only the storefront talks to it.
//
//   node --import ./telemetry.js catalog/main.js [--port 4810]
//   SHOP_DATABASE   the folder in which database.sh keeps connection.json (default .ringwall/database beside the shop)
require('../telemetry')
const path = require('node:path')
const { trace } = require('@opentelemetry/api')
const { HttpError } = require('../lib/errors')
const { log } = require('../lib/log')
const { parseWhole } = require('../lib/parse')
const { portOption, startService } = require('../lib/service')
const { openDatabase } = require('./database')
const { findOrder, parseOrder, placeOrder, kLinesMax, kUuid } = require('./orders')
const { kStockAtFirst } = require('./products')

const kListMax = 48
const kSlowMsMax = 10_000
// Every minute a delivery fills shelves that are nearly empty; otherwise a busy day would end with nothing to sell.
const kDeliveryMs = 60_000
const kStockLow = 50

const kColumns = 'id, name, category, description, price_cents, stock, hue'
const folder = process.env.SHOP_DATABASE || path.join(__dirname, '../.ringwall/database')

let pool
const query = async (text, values) => {
  if (!pool) throw new HttpError(503, 'the database is not ready')
  return (await pool.query(text, values)).rows
}

async function listProducts({ query: parameters }) {
  const limit = parseWhole(parameters.get('limit'), 'limit', { min: 1, max: kListMax, otherwise: kListMax })
  const ids = parameters.get('ids')
  if (ids !== null) {
    const wanted = ids.split(',').filter(Boolean).map((id) => parseWhole(id, 'ids', { min: 1, max: 999_999 }))
    if (wanted.length > kLinesMax) throw new HttpError(400, `at most ${kLinesMax} ids`)
    return { body: { products: await query(`select ${kColumns} from products where id = any($1::int[]) order by id`, [wanted]) } }
  }
  const text = parameters.get('q')
  if (text !== null) {
    const found = await query(
      `select ${kColumns} from products
        where words @@ websearch_to_tsquery('english', $1) or name ilike '%' || $2 || '%'
        order by ts_rank(words, websearch_to_tsquery('english', $1)) desc, id limit $3`,
      [text.slice(0, 100), text.slice(0, 100).replace(/[\\%_]/g, '\\$&'), limit])
    log.info({ search: text.slice(0, 100), found: found.length }, `search found ${found.length}`)
    return { body: { products: found } }
  }
  const category = parameters.get('category')
  if (category !== null) {
    return { body: { products: await query(`select ${kColumns} from products where category = $1 order by id limit $2`, [category, limit]) } }
  }
  return { body: { products: await query(`select ${kColumns} from products order by id limit $1`, [limit]) } }
}

async function getFront() {
  const categories = await query('select category, count(*)::int as products from products group by category order by category')
  const featured = await query(
    `select ${kColumns} from (select *, row_number() over (partition by category order by stock desc, id) as place from products) p
      where place <= 3 order by place, category`)
  return { body: { categories, featured } }
}

async function getProduct({ params }) {
  const id = parseWhole(params.id, 'id', { min: 1, max: 999_999, status: 404 })
  const [product] = await query(`select ${kColumns} from products where id = $1`, [id])
  if (!product) throw new HttpError(404, 'there is no such product')
  const related = await query(
    `select ${kColumns} from products where category = $1 and id <> $2 order by abs(price_cents - $3), id limit 4`,
    [product.category, id, product.price_cents])
  return { body: { product, related } }
}

async function postOrder({ body }) {
  const order = parseOrder(body)
  if (!pool) throw new HttpError(503, 'the database is not ready')
  const { order: written, created } = await placeOrder(pool, order)
  return { status: created ? 201 : 200, body: { order: written } }
}

async function getOrder({ params }) {
  if (!kUuid.test(params.key)) throw new HttpError(404, 'there is no such order')
  if (!pool) throw new HttpError(503, 'the database is not ready')
  const order = await findOrder(pool, params.key)
  if (!order) throw new HttpError(404, 'there is no such order')
  return { body: { order } }
}

// For demonstrations: a slow statement and a failure, so that there is something to find.
async function getSlow({ query: parameters }) {
  const ms = parseWhole(parameters.get('ms'), 'ms', { min: 0, max: kSlowMsMax, otherwise: 500 })
  await query('select pg_sleep($1)', [ms / 1000])
  return { body: { slept_ms: ms } }
}

async function getFail({ query: parameters }) {
  const status = parseWhole(parameters.get('status'), 'status', { min: 400, max: 599, otherwise: 500 })
  throw new HttpError(status, `a failure was asked for, with status ${status}`)
}

async function deliver() {
  await trace.getTracer('shop.catalog').startActiveSpan('delivery', async (span) => {
    try {
      const filled = await query('update products set stock = $1 where stock < $2 returning id', [kStockAtFirst, kStockLow])
      if (filled.length > 0) log.info({ products: filled.length }, `a delivery filled ${filled.length} shelves`)
    } catch (error) {
      log.error({ error }, `the delivery failed: ${error.message}`)
    } finally {
      span.end()
    }
  })
}
const deliveries = setInterval(deliver, kDeliveryMs)

startService({
  name: 'catalog',
  port: portOption(4810),
  isReady: () => pool !== undefined,
  routes: [
    ['GET', '/front', getFront],
    ['GET', '/products', listProducts],
    ['GET', '/products/:id', getProduct],
    ['POST', '/orders', postOrder],
    ['GET', '/orders/:key', getOrder],
    ['GET', '/slow', getSlow],
    ['GET', '/fail', getFail],
  ],
  onStop: () => clearInterval(deliveries),
  onStopped: () => pool?.end(),
})

openDatabase(folder).then(
  (opened) => {
    pool = opened
    log.info('the database is ready')
  },
  (error) => {
    log.fatal({ error }, `the database did not become ready: ${error.message}`)
    process.exit(1)
  },
)
