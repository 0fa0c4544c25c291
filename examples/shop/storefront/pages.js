'use strict'
// The pages, as functions of what they show.
const { html } = require('./html')

const kTitles = { desk: 'Desk', kitchen: 'Kitchen', garden: 'Garden', outdoors: 'Outdoors' }
const title = (category) => kTitles[category] ?? category
const euro = (cents) => `€ ${(cents / 100).toFixed(2)}`

// frame: {cartCount, traceId, query?}
function layout(frame, heading, content) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${heading} · Larkfield</title>
<link rel="icon" href="/art/garden/110.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<script src="/assets/shop.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top"><div class="wide">
<a class="brand" href="/"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M4 20 Q12 6 22 10 L29 8 L25 13 Q24 25 12 25 L7 29 L9 24 Q5 23 4 20 Z"/></svg>Larkfield</a>
<nav aria-label="Departments">${Object.keys(kTitles).map((name) => html`<a href="/?category=${name}">${title(name)}</a>`)}</nav>
<form class="search" action="/search" role="search"><input type="search" name="q" placeholder="Search" aria-label="Search the shop" maxlength="100" value="${frame.query ?? ''}"></form>
<a class="cart-link" href="/cart">Cart${frame.cartCount > 0 && html` <b>${frame.cartCount}</b>`}</a>
</div></header>
<main id="main" class="wide">
${content}
</main>
<footer><div class="wide">
<p>Larkfield is an invented shop, and nothing in it can really be bought.</p>
${frame.traceId && html`<p>Trace of this page: <code>${frame.traceId}</code></p>`}
</div></footer>
</body>
</html>
`.text
}

const picture = (product) => html`<img src="/art/${product.category}/${product.hue}.svg" alt="" width="200" height="150" loading="lazy">`

const card = (product) => html`<li class="card"><a href="/product/${product.id}">${picture(product)}
<span class="name">${product.name}</span><span class="price">${euro(product.price_cents)}</span></a></li>`

const grid = (products) => html`<ul class="grid">${products.map(card)}</ul>`

function home(frame, { categories, featured }) {
  return layout(frame, 'Things that last', html`<section class="hero"><h1>Useful things,<br>made to last.</h1>
<p>A small shop for desk, kitchen, garden and the road.</p></section>
<ul class="departments">${categories.map((each) => html`<li><a href="/?category=${each.category}">${title(each.category)} <small>${each.products}</small></a></li>`)}</ul>
<h2>This week</h2>${grid(featured)}`)
}

const category = (frame, name, products) => layout(frame, title(name), html`<h1>${title(name)}</h1>${grid(products)}`)

function search(frame, query, products) {
  const found = products.length === 0 ? 'Nothing found' : products.length === 1 ? 'One thing found' : `${products.length} things found`
  return layout({ ...frame, query }, `Search: ${query}`, html`<h1>${found} for “${query}”</h1>
${products.length > 0 ? grid(products) : html`<p>Try a shorter word, or look around in <a href="/?category=kitchen">the kitchen</a>.</p>`}`)
}

function stockText(stock) {
  if (stock === 0) return 'sold out'
  return stock <= 20 ? `only ${stock} left` : `${stock} in stock`
}

function product(frame, { product: item, related }) {
  return layout(frame, item.name, html`<p class="crumbs"><a href="/">Shop</a> / <a href="/?category=${item.category}">${title(item.category)}</a></p>
<article class="product">${picture(item)}<div>
<h1>${item.name}</h1><p class="lead">${item.description}</p>
<p class="price">${euro(item.price_cents)}</p><p class="stock" data-stock="${item.id}" aria-live="polite">${stockText(item.stock)}</p>
<form method="post" action="/cart"><input type="hidden" name="id" value="${item.id}">
<label>Quantity <select name="quantity">${[1, 2, 3, 4, 5].map((n) => html`<option>${n}</option>`)}</select></label>
<button ${item.stock === 0 && 'disabled'}>Add to cart</button></form>
</div></article>
<h2>Goes well with it</h2>${grid(related)}`)
}

function cart(frame, lines, key) {
  if (lines.length === 0) {
    return layout(frame, 'Cart', html`<h1>Your cart is empty</h1><p><a class="button" href="/">Look around</a></p>`)
  }
  const total = lines.reduce((sum, line) => sum + line.product.price_cents * line.quantity, 0)
  const change = (line, quantity, sign, words) => html`<form method="post" action="/cart"><input type="hidden" name="id" value="${line.product.id}">
<input type="hidden" name="change" value="${quantity}"><button class="step" aria-label="${words} ${line.product.name}">${sign}</button></form>`
  return layout(frame, 'Cart', html`<h1>Your cart</h1>
<table class="lines"><thead><tr><th>Product</th><th>Quantity</th><th class="number">Price</th></tr></thead><tbody>
${lines.map((line) => html`<tr><td><a href="/product/${line.product.id}">${picture(line.product)}${line.product.name}</a></td>
<td><div class="quantity">${change(line, -1, '−', 'one less of')}<span>${line.quantity}</span>${change(line, 1, '+', 'one more of')}</div></td>
<td class="number">${euro(line.product.price_cents * line.quantity)}</td></tr>`)}
</tbody><tfoot><tr><td colspan="2">Total</td><td class="number">${euro(total)}</td></tr></tfoot></table>
<form class="checkout" method="post" action="/checkout"><input type="hidden" name="key" value="${key}"><button>Place order</button></form>`)
}

function order(frame, placed) {
  return layout(frame, 'Thank you', html`<h1>Thank you!</h1><p>Order ${placed.id} is on its way to nowhere, as it should be in an example.</p>
<table class="lines"><tbody>${placed.lines.map((line) => html`<tr><td>${line.name}</td><td>${line.quantity} ×</td><td class="number">${euro(line.price_cents)}</td></tr>`)}
</tbody><tfoot><tr><td colspan="2">Total</td><td class="number">${euro(placed.total_cents)}</td></tr></tfoot></table>
<p><a class="button" href="/">Back to the shop</a></p>`)
}

const problem = (frame, status, message) => layout(frame, `Error ${status}`, html`<h1>${status === 404 ? 'Not found' : status === 409 ? 'Not quite' : 'Something went wrong'}</h1>
<p>${message}.</p><p><a class="button" href="/">Back to the shop</a></p>`)

const slow = (frame, ms) => layout(frame, 'Slow', html`<h1>That took a while</h1><p>The database was asked to sleep for ${ms} milliseconds.</p>`)

module.exports = { cart, category, euro, home, order, problem, product, search, slow, stockText }
