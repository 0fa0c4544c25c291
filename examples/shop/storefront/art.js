'use strict'
// Pictures of the products: drawn from the category and a hue, so that the shop needs no image files.
const { html } = require('./html')

const kShapes = {
  desk: (h) => html`<rect x="52" y="104" width="96" height="12" rx="4" fill="hsl(${h} 30% 30%)"/>
    <path d="M72 104 V70 L112 42" fill="none" stroke="hsl(${h} 35% 35%)" stroke-width="7" stroke-linecap="round" stroke-linejoin="round"/>
    <path d="M100 30 L136 50 L118 70 L88 50 Z" fill="hsl(${h} 62% 52%)"/><circle cx="120" cy="72" r="7" fill="hsl(48 95% 70%)"/>`,
  kitchen: (h) => html`<path d="M58 62 H132 L124 112 Q122 120 112 120 H78 Q68 120 66 112 Z" fill="hsl(${h} 52% 50%)"/>
    <path d="M130 72 q26 2 18 22 q-5 12 -22 10" fill="none" stroke="hsl(${h} 45% 40%)" stroke-width="8" stroke-linecap="round"/>
    <ellipse cx="95" cy="62" rx="38" ry="8" fill="hsl(${h} 45% 34%)"/>
    <path d="M82 46 q-7 -9 0 -18 M98 46 q-7 -9 0 -18" fill="none" stroke="hsl(${h} 25% 62%)" stroke-width="4" stroke-linecap="round"/>`,
  garden: (h) => html`<path d="M68 88 H132 L124 124 H76 Z" fill="hsl(18 48% 48%)"/><rect x="62" y="80" width="76" height="13" rx="4" fill="hsl(18 50% 40%)"/>
    <path d="M100 82 V44" stroke="hsl(130 35% 34%)" stroke-width="6" stroke-linecap="round"/>
    <path d="M100 62 Q70 62 68 36 Q98 36 100 62 Z" fill="hsl(${h} 45% 44%)"/><path d="M100 52 Q130 50 134 24 Q102 24 100 52 Z" fill="hsl(${h} 50% 52%)"/>`,
  outdoors: (h) => html`<circle cx="142" cy="42" r="14" fill="hsl(46 90% 66%)"/><path d="M34 122 L82 52 L112 92 L128 74 L166 122 Z" fill="hsl(${h} 28% 42%)"/>
    <path d="M82 52 L98 74 L86 80 L76 74 L68 73 Z" fill="hsl(${h} 20% 88%)"/><path d="M84 122 L106 90 L128 122 Z" fill="hsl(${h} 65% 54%)"/>
    <path d="M100 122 L106 104 L113 122 Z" fill="hsl(${h} 50% 28%)"/>`,
}

const isKnown = (category) => Object.hasOwn(kShapes, category)

function drawing(category, hue) {
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 150" role="img" aria-label="${category}">
<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="hsl(${hue} 45% 92%)"/><stop offset="1" stop-color="hsl(${(hue + 40) % 360} 40% 80%)"/></linearGradient></defs>
<rect width="200" height="150" fill="url(#g)"/>${kShapes[category](hue)}</svg>`
}

module.exports = { drawing, isKnown }
