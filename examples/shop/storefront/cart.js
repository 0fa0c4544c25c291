'use strict'
// The cart lives in a cookie, `7:2.12:1` for two of product 7 and one of product 12, so that any instance of the storefront can
// serve any request.  It holds no prices, so there is nothing in it worth forging.
const kCookie = 'cart'
const kLinesMax = 20
const kQuantityMax = 9
const kMaxAgeS = 30 * 24 * 3600

// What cannot be read is left out: a cookie is the client's, and a broken one must not lock anybody out of the shop.
function parseCart(text = '') {
  const cart = new Map()
  for (const line of text.split('.')) {
    const match = /^([1-9]\d{0,5}):([1-9])$/.exec(line)
    if (match && cart.size < kLinesMax) cart.set(Number(match[1]), Number(match[2]))
  }
  return cart
}

const formatCart = (cart) => [...cart].map(([id, quantity]) => `${id}:${quantity}`).join('.')

// `quantity` more of a product (fewer when negative); a line that reaches zero goes.  Answers a new cart.
function changeCart(cart, id, quantity) {
  const changed = new Map(cart)
  const now = Math.min((changed.get(id) ?? 0) + quantity, kQuantityMax)
  if (now <= 0) changed.delete(id)
  else if (changed.has(id) || changed.size < kLinesMax) changed.set(id, now)
  return changed
}

function cartCookie(cart, secure) {
  const end = cart.size === 0 ? 'Max-Age=0' : `Max-Age=${kMaxAgeS}`
  return `${kCookie}=${formatCart(cart)}; Path=/; ${end}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}

const cartCount = (cart) => [...cart.values()].reduce((sum, quantity) => sum + quantity, 0)

module.exports = { cartCookie, cartCount, changeCart, formatCart, parseCart, kCookie, kLinesMax, kQuantityMax }
