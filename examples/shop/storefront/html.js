'use strict'
// Templates that escape: html`<p>${text}</p>` escapes text; what html`` made, and arrays of it, are put in as they are.
class Html {
  constructor(text) {
    this.text = text
  }
  toString() {
    return this.text
  }
}

const kEscapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escape = (value) => String(value).replace(/[&<>"']/g, (character) => kEscapes[character])

function show(value) {
  if (value === null || value === undefined || value === false) return ''
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map(show).join('')
  return escape(value)
}

function html(strings, ...values) {
  return new Html(strings.reduce((text, string, i) => text + show(values[i - 1]) + string))
}

module.exports = { html, escape }
