'use strict'
// Placing an order: all of it or none of it, and once for one key.
const { metrics } = require('@opentelemetry/api')
const { HttpError } = require('../lib/errors')
const { log } = require('../lib/log')
const { parseWhole } = require('../lib/parse')
const { inTransaction } = require('./database')

const kLinesMax = 20
const kQuantityMax = 9
const kUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const meter = metrics.getMeter('shop.catalog')
const ordersPlaced = meter.createCounter('shop.orders', { description: 'Orders written', unit: '{order}' })
const orderValue = meter.createHistogram('shop.order.value', {
  description: 'Total of an order',
  unit: 'EUR',
  advice: { explicitBucketBoundaries: [10, 25, 50, 100, 200, 400, 800] },
})

// {key, lines: [{id, quantity}]} → the same, checked, lines sorted by product.
function parseOrder(body) {
  const key = String(body.key ?? '').toLowerCase()
  if (!kUuid.test(key)) throw new HttpError(400, 'key must be a UUID')
  if (!Array.isArray(body.lines) || body.lines.length === 0) throw new HttpError(400, 'an order needs lines')
  if (body.lines.length > kLinesMax) throw new HttpError(400, `an order has at most ${kLinesMax} lines`)
  const lines = body.lines.map((line) => ({
    id: parseWhole(line?.id, 'id', { min: 1, max: 999_999 }),
    quantity: parseWhole(line?.quantity, 'quantity', { min: 1, max: kQuantityMax }),
  }))
  if (new Set(lines.map((line) => line.id)).size !== lines.length) throw new HttpError(400, 'a product stands on two lines')
  return { key, lines: lines.sort((a, b) => a.id - b.id) }
}

async function findOrder(database, key) {
  const { rows } = await database.query(
    `select o.id, o.key, o.total_cents, o.placed_at,
            json_agg(json_build_object('id', p.id, 'name', p.name, 'quantity', l.quantity, 'price_cents', l.price_cents) order by p.id) as lines
       from orders o join order_lines l on l.order_id = o.id join products p on p.id = l.product_id
      where o.key = $1 group by o.id`,
    [key],
  )
  return rows[0] ?? null
}

// Throws HttpError 409 with `sold_out` when something is not there in the number wanted.
async function placeOrder(pool, { key, lines }) {
  const placed = await inTransaction(pool, async (client) => {
    const { rows: inserted } = await client.query(
      'insert into orders (key, total_cents) values ($1, 0) on conflict (key) do nothing returning id', [key])
    if (inserted.length === 0) return null // it is there already
    const ids = lines.map((line) => line.id)
    // Rows are locked in the order of their ids, so two orders never wait for each other in a circle.
    const { rows } = await client.query(
      'select id, name, price_cents, stock from products where id = any($1::int[]) order by id for update', [ids])
    const products = new Map(rows.map((row) => [row.id, row]))
    const unknown = ids.filter((id) => !products.has(id))
    if (unknown.length > 0) throw new HttpError(400, `there is no product ${unknown[0]}`)
    const missing = lines.filter((line) => products.get(line.id).stock < line.quantity)
    if (missing.length > 0) {
      const names = missing.map((line) => products.get(line.id).name)
      throw new HttpError(409, `sold out: ${names.join(', ')}`, { sold_out: missing.map((line) => line.id) })
    }
    const quantities = lines.map((line) => line.quantity)
    await client.query(
      `update products p set stock = p.stock - w.quantity
         from unnest($1::int[], $2::int[]) as w (id, quantity) where p.id = w.id`, [ids, quantities])
    await client.query(
      `insert into order_lines (order_id, product_id, quantity, price_cents)
       select $1, w.id, w.quantity, p.price_cents
         from unnest($2::int[], $3::int[]) as w (id, quantity) join products p on p.id = w.id`,
      [inserted[0].id, ids, quantities])
    const total = lines.reduce((sum, line) => sum + line.quantity * products.get(line.id).price_cents, 0)
    await client.query('update orders set total_cents = $2 where id = $1', [inserted[0].id, total])
    return { id: inserted[0].id, total }
  })
  if (placed) {
    ordersPlaced.add(1)
    orderValue.record(placed.total / 100)
    log.info({ order: placed.id, lines: lines.length, total_cents: placed.total }, `order ${placed.id} placed`)
  }
  return { order: await findOrder(pool, key), created: placed !== null }
}

module.exports = { findOrder, parseOrder, placeOrder, kLinesMax, kQuantityMax, kUuid }
