'use strict'
// The storefront: pages, cart and a small JSON API.  Keeps nothing, so any number of instances can run side by side.
//
//   node --import ./telemetry.js storefront/main.js [--port 4800]
//   CATALOG_URL   where the catalog is (default http://127.0.0.1:4810)
require('../telemetry')
const { randomUUID } = require('node:crypto')
const { readFileSync } = require('node:fs')
const path = require('node:path')
const { trace } = require('@opentelemetry/api')
const { HttpError } = require('../lib/errors')
const { parseCookies, parseWhole } = require('../lib/parse')
const { portOption, startService } = require('../lib/service')
const art = require('./art')
const { cartCookie, cartCount, changeCart, parseCart, kCookie } = require('./cart')
const catalog = require('./catalog_client')
const pages = require('./pages')
const { makeTicker } = require('./ticker')

const kPageHeaders = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'same-origin',
}
const page = (body, status = 200) => ({ status, headers: kPageHeaders, body })
const seeOther = (location, headers = {}) => ({ status: 303, headers: { location, ...headers } })
const json = (body, status = 200) => ({ status, headers: { 'cache-control': 'no-store' }, body })

const cartOf = (request) => parseCart(request.cookies[kCookie])
const isSecure = (request) => request.headers['x-forwarded-proto'] === 'https'
const productId = (text) => parseWhole(text, 'id', { min: 1, max: 999_999, status: 404 })

function frameOf(cart) {
  return { cartCount: cartCount(cart), traceId: trace.getActiveSpan()?.spanContext().traceId }
}

async function getHome(request) {
  const frame = frameOf(cartOf(request))
  const category = request.query.get('category')
  if (category === null) return page(pages.home(frame, await catalog.front()))
  if (!art.isKnown(category)) throw new HttpError(404, 'there is no such department')
  return page(pages.category(frame, category, (await catalog.inCategory(category)).products))
}

async function getProduct(request) {
  return page(pages.product(frameOf(cartOf(request)), await catalog.product(productId(request.params.id))))
}

async function getSearch(request) {
  const text = (request.query.get('q') ?? '').trim().slice(0, 100)
  if (text === '') return seeOther('/')
  return page(pages.search(frameOf(cartOf(request)), text, (await catalog.search(text)).products))
}

async function loadLines(cart) {
  const { products } = await catalog.byIds([...cart.keys()])
  // A product that is no longer sold leaves the cart quietly.
  return products.map((product) => ({ product, quantity: cart.get(product.id) }))
}

async function getCart(request) {
  const cart = cartOf(request)
  return page(pages.cart(frameOf(cart), await loadLines(cart), randomUUID()))
}

function postCart(request) {
  const id = productId(request.body.id)
  const change = request.body.change === '-1' ? -1 : parseWhole(request.body.change ?? request.body.quantity, 'quantity', { min: 1, max: 9, otherwise: 1 })
  return seeOther('/cart', { 'set-cookie': cartCookie(changeCart(cartOf(request), id, change), isSecure(request)) })
}

async function postCheckout(request) {
  const cart = cartOf(request)
  if (cart.size === 0) {
    // The button was pressed twice, and the first press emptied the cart: show the order it made.
    return request.body.key ? seeOther(`/order/${encodeURIComponent(request.body.key)}`) : seeOther('/cart')
  }
  const lines = (await loadLines(cart)).map((line) => ({ id: line.product.id, quantity: line.quantity }))
  const { order } = await catalog.placeOrder({ key: request.body.key ?? randomUUID(), lines })
  return seeOther(`/order/${order.key}`, { 'set-cookie': cartCookie(new Map(), isSecure(request)) })
}

async function getOrder(request) {
  return page(pages.order(frameOf(cartOf(request)), (await catalog.order(request.params.key)).order))
}

async function getSlow(request) {
  const ms = parseWhole(request.query.get('ms'), 'ms', { min: 0, max: 10_000, otherwise: 500 })
  await catalog.slow(ms)
  return page(pages.slow(frameOf(cartOf(request)), ms))
}

async function getFail(request) {
  const status = parseWhole(request.query.get('status'), 'status', { min: 400, max: 599, otherwise: 500 })
  await catalog.fail(status).catch((error) => {
    throw new HttpError(status, error.message)
  })
}

const kAssets = Object.fromEntries(
  [['style.css', 'text/css; charset=utf-8'], ['shop.js', 'text/javascript; charset=utf-8']].map(([name, type]) => [
    name, { headers: { 'content-type': type, 'cache-control': 'public, max-age=300' }, body: readFileSync(path.join(__dirname, 'assets', name)) },
  ]),
)

function getAsset({ params }) {
  if (!Object.hasOwn(kAssets, params.name)) throw new HttpError(404, 'there is no such file')
  return kAssets[params.name]
}

function getArt({ params }) {
  const hue = /^(\d{1,3})\.svg$/.exec(params.file)
  if (!art.isKnown(params.category) || !hue || Number(hue[1]) > 359) throw new HttpError(404, 'there is no such picture')
  return {
    headers: { 'content-type': 'image/svg+xml', 'cache-control': 'public, max-age=86400' },
    body: art.drawing(params.category, Number(hue[1])).text,
  }
}

function renderError({ status, message, request }) {
  if (request.url.startsWith('/api/')) return { status, body: { error: { message } } }
  return page(pages.problem(frameOf(parseCart(parseCookies(request.headers.cookie)[kCookie])), status, message), status)
}

const ticker = makeTicker(async (ids) => (await catalog.byIds(ids)).products)

startService({
  name: 'storefront',
  port: portOption(4800),
  routes: [
    ['GET', '/', getHome],
    ['GET', '/product/:id', getProduct],
    ['GET', '/search', getSearch],
    ['GET', '/cart', getCart],
    ['POST', '/cart', postCart],
    ['POST', '/checkout', postCheckout],
    ['GET', '/order/:key', getOrder],
    ['GET', '/slow', getSlow],
    ['GET', '/fail', getFail],
    ['GET', '/api/products', async () => json(await catalog.all())],
    ['GET', '/api/products/:id', async ({ params }) => json(await catalog.product(productId(params.id)))],
    ['GET', '/api/search', async ({ query }) => json(await catalog.search((query.get('q') ?? '').slice(0, 100)))],
    ['GET', '/api/cart', async (request) => json({ lines: await loadLines(cartOf(request)) })],
    ['GET', '/assets/:name', getAsset],
    ['GET', '/art/:category/:file', getArt],
  ],
  renderError,
  onUpgrade: ticker.onUpgrade,
  onStop: ticker.stop,
  onStopped: catalog.close,
})
