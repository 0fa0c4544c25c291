// The pure parts of the services.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import test from 'node:test'

const require = createRequire(import.meta.url)
const { makeRouter } = require('../lib/router.js')
const { kBodyBytesMax, parseBody, parseCookies, parseWhole } = require('../lib/parse.js')
const { changeCart, formatCart, parseCart, kLinesMax } = require('../storefront/cart.js')
const { html } = require('../storefront/html.js')
const { drawing, isKnown } = require('../storefront/art.js')
const { kProducts } = require('../catalog/products.js')
const { parseOrder } = require('../catalog/orders.js')

test('router: paths find their handler', () => {
  const router = makeRouter([
    ['GET', '/', 'home'],
    ['GET', '/product/:id', 'product'],
    ['GET', '/cart', 'cart'],
    ['POST', '/cart', 'add'],
    ['GET', '/art/:category/:file', 'art'],
    ['GET', '/a.b', 'dot'],
  ])
  const show = (found) => (found ? (found.allowed ? `use ${found.allowed}` : [found.handler, ...Object.values(found.params)].join(' ')) : 'nothing')
  for (const [method, path, want] of [
    ['GET', '/', 'home'],
    ['HEAD', '/', 'home'],
    ['GET', '/product/7', 'product 7'],
    ['GET', '/product/a%20b', 'product a b'],
    ['POST', '/cart', 'add'],
    ['GET', '/art/desk/38.svg', 'art desk 38.svg'],
    ['PUT', '/cart', 'use GET,POST'],
    ['GET', '/product/', 'nothing'],
    ['GET', '/product/7/x', 'nothing'],
    ['GET', '/product/%zz', 'nothing'],
    ['GET', '/aXb', 'nothing'],
  ]) assert.equal(show(router.find(method, path)), want, `${method} ${path}`)
})

test('cart: what a cookie says', () => {
  for (const [text, want] of [
    ['', ''],
    ['7:2.12:1', '7:2.12:1'],
    ['7:2.7:3', '7:3'],
    ['7:0', ''],
    ['7:10', ''],
    ['0:1', ''],
    ['x.7:1.<script>', '7:1'],
    [Array.from({ length: 30 }, (_, i) => `${i + 1}:1`).join('.'), Array.from({ length: kLinesMax }, (_, i) => `${i + 1}:1`).join('.')],
  ]) assert.equal(formatCart(parseCart(text)), want, text)
})

test('cart: more and less of a product', () => {
  for (const [text, id, change, want] of [
    ['', 7, 2, '7:2'],
    ['7:2', 7, 1, '7:3'],
    ['7:8', 7, 5, '7:9'], // at most nine
    ['7:1.8:1', 7, -1, '8:1'],
    ['', 7, -1, ''],
  ]) assert.equal(formatCart(changeCart(parseCart(text), id, change)), want, `${text} ${change} × ${id}`)
  const full = new Map(Array.from({ length: kLinesMax }, (_, i) => [i + 1, 1]))
  assert.equal(changeCart(full, 99, 1).size, kLinesMax)
  assert.equal(changeCart(full, 20, 1).get(20), 2)
})

test('html: text is escaped, markup is not', () => {
  assert.equal(html`<p title="${'"x"'}">${'<b> & \'c\''}${html`<i>${1}</i>`}${[html`<u></u>`, '<']}${null}${false}${0}</p>`.text,
    '<p title="&quot;x&quot;">&lt;b&gt; &amp; &#39;c&#39;<i>1</i><u></u>&lt;0</p>')
})

test('parse: cookies, numbers, bodies', async () => {
  assert.deepEqual(parseCookies('a=1; cart=7:2 ;broken; c=x=y'), { a: '1', cart: '7:2', c: 'x=y' })
  const limits = { min: 1, max: 9, otherwise: 3 }
  assert.equal(parseWhole('4', 'n', limits), 4)
  assert.equal(parseWhole(undefined, 'n', limits), 3)
  for (const text of ['0', '10', '-1', '1.5', '1e0', 'x', ' 1']) assert.throws(() => parseWhole(text, 'n', limits), /n must be a whole number from 1 to 9/, text)

  const request = (text, type) => Object.assign(Readable.from([Buffer.from(text)]), { headers: { 'content-type': type } })
  assert.deepEqual(await parseBody(request('id=7&quantity=2', 'application/x-www-form-urlencoded; charset=utf-8')), { id: '7', quantity: '2' })
  assert.deepEqual(await parseBody(request('{"id":7}', 'application/json')), { id: 7 })
  const form = 'application/x-www-form-urlencoded'
  assert.equal(Object.keys(await parseBody(request(`a=${'x'.repeat(kBodyBytesMax - 2)}`, form))).length, 1)
  for (const [text, type, status] of [
    [`a=${'x'.repeat(kBodyBytesMax - 1)}`, form, 413],
    ['{"id":', 'application/json', 400],
    ['[]', 'application/json', 400],
    ['null', 'application/json', 400],
    ['x', 'text/plain', 415],
  ]) await assert.rejects(parseBody(request(text, type)), (error) => error.status === status, type)
})

test('orders: what can be ordered', () => {
  const key = '0b2f7b0a-1111-4222-8333-444455556666'
  assert.deepEqual(parseOrder({ key: key.toUpperCase(), lines: [{ id: 9, quantity: 1 }, { id: 2, quantity: 9 }] }),
    { key, lines: [{ id: 2, quantity: 9 }, { id: 9, quantity: 1 }] })
  const lines = (n) => Array.from({ length: n }, (_, i) => ({ id: i + 1, quantity: 1 }))
  assert.equal(parseOrder({ key, lines: lines(20) }).lines.length, 20)
  for (const body of [
    {}, { key: 'x', lines: lines(1) }, { key }, { key, lines: [] }, { key, lines: lines(21) }, { key, lines: [null] },
    { key, lines: [{ id: 1, quantity: 10 }] }, { key, lines: [{ id: 1, quantity: 0 }] }, { key, lines: [...lines(2), ...lines(1)] },
  ]) assert.throws(() => parseOrder(body), { status: 400 }, JSON.stringify(body))
})

test('products: each can be drawn, and has a name of its own', () => {
  assert.equal(new Set(kProducts.map((product) => product.name)).size, kProducts.length)
  for (const product of kProducts) {
    assert.ok(isKnown(product.category) && product.priceCents > 0 && product.hue < 360, product.name)
    assert.match(drawing(product.category, product.hue).text, /^<svg [\s\S]+<\/svg>$/)
  }
  assert.equal(isKnown('constructor'), false)
})
